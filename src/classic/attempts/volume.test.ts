import { describe, expect, it } from "vitest";
import { refuseUnservable } from "./claim.ts";
import { claim, node, storageClass } from "../testing/objects.fixture.ts";
import { saying } from "../testing/saying.fixture.ts";
import { volumeParts, volumeTypeOf } from "./volume.ts";

describe("claims that are not served", () => {
  it("are those with a selector, on a shared file system too (the original ignores it there)", () => {
    for (const shared of [false, true]) {
      expect(() => {
        refuseUnservable(claim({ spec: { selector: { matchLabels: {} } } }), shared);
      }).toThrow(saying("claim.Spec.Selector is not supported"));
    }
  });

  it.each(["ReadWriteMany", "ReadOnlyMany"])("are those of access mode %s, on local paths only", (mode) => {
    const asks = claim({ spec: { accessModes: ["ReadWriteOnce", mode] } });
    expect(() => {
      refuseUnservable(asks, false);
    }).toThrow(saying("NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes"));
    refuseUnservable(asks, true);
  });

  it("are not those of ReadWriteOnce and ReadWriteOncePod", () => {
    refuseUnservable(claim({ spec: { accessModes: ["ReadWriteOnce", "ReadWriteOncePod"] } }), false);
  });
});

describe("the volume type", () => {
  const type = (onClaim?: string, onClass?: string, shared = false) =>
    volumeTypeOf(
      claim(onClaim === undefined ? {} : { annotations: { volumeType: onClaim } }),
      storageClass({}, onClass === undefined ? {} : { defaultVolumeType: onClass }),
      shared,
    );

  it("is the claim's, else the class's, else hostPath, in any case", () => {
    expect(type()).toBe("hostPath");
    expect(type(undefined, "LOCAL")).toBe("local");
    expect(type("HostPath", "local")).toBe("hostPath");
    expect(type("local", "nonsense")).toBe("local");
  });

  it.each(["block", ""])("refuses %j before anything is made", (wrong) => {
    expect(() => type(wrong)).toThrow(
      saying(`failed to create persistent volume source: "${wrong}" is not a recognised volume type`),
    );
  });

  it("refuses local on a shared file system, which the API server would refuse", () => {
    expect(() => type("local", undefined, true)).toThrow(
      saying("volume type local needs a node affinity, which a volume on a shared file system does not have"),
    );
  });
});

describe("the PersistentVolume", () => {
  const place = { type: "hostPath" as const, path: "/p/v", node: node("node-a"), shared: false, affinityKey: "" };
  const hostname = (value: string) => ({
    required: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [value] }] }],
    },
  });

  it("has the original's shape", () => {
    expect(volumeParts(place)).toEqual({
      annotations: { "local.path.provisioner/selected-node": "node-a" },
      spec: {
        volumeMode: "Filesystem",
        hostPath: { path: "/p/v", type: "DirectoryOrCreate" },
        nodeAffinity: hostname("node-a"),
      },
    });
  });

  it("of type local has no fsType", () => {
    expect(volumeParts({ ...place, type: "local" }).spec).toMatchObject({ local: { path: "/p/v" } });
    expect(volumeParts({ ...place, type: "local" }).spec).not.toHaveProperty("hostPath");
  });

  it("is pinned by the hostname label, which need not be the node's name", () => {
    const renamed = node("ip-10-0-0-1.internal", { "kubernetes.io/hostname": "ip-10-0-0-1" });
    const parts = volumeParts({ ...place, node: renamed });
    expect(parts.annotations).toEqual({ "local.path.provisioner/selected-node": "ip-10-0-0-1.internal" });
    expect(parts.spec.nodeAffinity).toEqual(hostname("ip-10-0-0-1"));
  });

  it("is pinned by a label of the class's choice, or by the node's name where the node has not that label", () => {
    const labelled = node("node-a", { "example.com/id": "stable-7" });
    const key = { key: "example.com/id", operator: "In" };
    expect(volumeParts({ ...place, node: labelled, affinityKey: key.key }).spec.nodeAffinity).toEqual({
      required: { nodeSelectorTerms: [{ matchExpressions: [{ ...key, values: ["stable-7"] }] }] },
    });
    expect(volumeParts({ ...place, affinityKey: key.key }).spec.nodeAffinity).toEqual({
      required: { nodeSelectorTerms: [{ matchExpressions: [{ ...key, values: ["node-a"] }] }] },
    });
  });

  it("on a shared file system is not pinned, and names the node only if there was one", () => {
    expect(volumeParts({ ...place, shared: true }).spec).not.toHaveProperty("nodeAffinity");
    expect(volumeParts({ ...place, shared: true, node: undefined }).annotations).toEqual({
      "local.path.provisioner/selected-node": "",
    });
  });
});
