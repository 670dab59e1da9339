import { describe, expect, it } from "vitest";
import type { PersistentVolume } from "../../kube/kinds.ts";
import { directoryOf, mayLieOn, nodeOf, topologyOf, releasedSince } from "./directory-of.ts";
import { affinity, node, volume, type VolumeFields } from "../testing/objects.fixture.ts";
import { saying } from "../testing/saying.fixture.ts";

const renamed = node("node-a.internal", { "kubernetes.io/hostname": "node-a" });
const matchFields = {
  required: { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["node-a"] }] }] },
};

/** A volume from before v0.0.25, which wrote no annotation. */
const old = (spec: VolumeFields["spec"] = {}) => volume({ annotations: {}, spec });
const found = (pv: PersistentVolume, nodes = [node("node-b"), node("node-a")]) => {
  const answer = nodeOf(topologyOf(pv), nodes);
  return answer.found === "node" ? answer.node.metadata?.name : `no ${answer.wanted}`;
};

describe("the node of a volume of any version", () => {
  it("v0.0.25 and later: the annotation", () => {
    expect(found(volume())).toBe("node-a");
    expect(found(volume({ spec: { nodeAffinity: affinity("kubernetes.io/hostname", "x", "y") } }))).toBe("node-a");
  });

  it("v0.0.29: matchFields, with and without the annotation", () => {
    expect(found(volume({ spec: { nodeAffinity: matchFields } }))).toBe("node-a");
    expect(found(old({ nodeAffinity: matchFields }))).toBe("node-a");
  });

  it("v0.0.20 to v0.0.24: the node with the hostname label, which need not be its name", () => {
    expect(found(old(), [node("node-b"), renamed])).toBe("node-a.internal");
  });

  it("before v0.0.20: the affinity's value is the node's name, whatever its label", () => {
    const labelled = node("node-a", { "kubernetes.io/hostname": "other" });
    expect(found(old(), [labelled, node("node-b")])).toBe("node-a");
  });

  it("v0.0.35 and later: the node with the custom label, or the named one that has no such label", () => {
    const pv = old({ nodeAffinity: affinity("example.com/id", "stable-7") });
    expect(found(pv, [node("node-b"), node("node-c", { "example.com/id": "stable-7" })])).toBe("node-c");
    expect(found(old({ nodeAffinity: affinity("example.com/id", "node-a") }))).toBe("node-a");
    expect(
      found(old({ nodeAffinity: affinity("example.com/id", "node-a") }), [node("node-a", { "example.com/id": "8" })]),
    ).toBe("no node-a");
  });

  describe("when another node has the label and the annotated one does not", () => {
    const MADE = "2030-01-01T00:00:00Z";
    const labelled = (name: string, joined?: string) => {
      const { metadata, ...rest } = node(name, { "example.com/id": "7" });
      return { ...rest, metadata: { ...metadata, creationTimestamp: joined } } as ReturnType<typeof node>;
    };
    const made = volume({ spec: { nodeAffinity: affinity("example.com/id", "7") } });
    const pv = { ...made, metadata: { ...made.metadata, creationTimestamp: MADE } };
    const moved = saying(
      "the directory was made on node node-a, and now only node node-z has the label example.com/id=7: if the directory is on node-z, set the annotation local.path.provisioner/selected-node to node-z; if it is on node-a, bring node-a back with that label",
    );

    it("is the other one if it joined later and the annotated one is gone: the disk is in a new machine", () => {
      expect(found(pv, [labelled("node-z", "2030-01-01T00:00:01Z")])).toBe("node-z");
    });

    it.each([
      ["joined before the volume was made", "2029-12-31T23:59:59Z"],
      ["joined in the second in which the volume was made", MADE],
      ["does not say when it joined", undefined],
    ])("is not certain if the other one %s: both may have had the label", (_, joined) => {
      expect(() => found(pv, [labelled("node-z", joined)])).toThrow(moved);
    });

    it("is not certain if the volume does not say when it was made", () => {
      expect(() => found(made, [labelled("node-z", "2030-01-01T00:00:01Z")])).toThrow(moved);
    });

    it("is not certain if the annotated one is there: it may have lost only its label", () => {
      expect(() => found(pv, [node("node-a"), labelled("node-z", "2030-01-01T00:00:01Z")])).toThrow(moved);
    });

    it("is the annotated one if several others have the label, or none", () => {
      const others = [labelled("node-y"), labelled("node-z")];
      expect(found(pv, [node("node-a"), ...others])).toBe("node-a");
      expect(() => found(pv, others)).toThrow(saying("several nodes have the label example.com/id=7: node-y, node-z"));
      expect(found(pv, [node("node-a")])).toBe("node-a");
    });
  });

  it("is the annotated one of several nodes with the label", () => {
    const pv = volume({ spec: { nodeAffinity: affinity("example.com/id", "7") } });
    const both = [node("node-b", { "example.com/id": "7" }), node("node-a", { "example.com/id": "7" })];
    expect(found(pv, both)).toBe("node-a");
  });

  it("is nobody's when no node matches, and never a node that merely has the value as its name elsewhere", () => {
    expect(found(volume(), [node("node-b")])).toBe("no node-a");
    expect(found(old(), [node("node-b")])).toBe("no node-a");
    expect(found(old({ nodeAffinity: matchFields }), [])).toBe("no node-a");
  });

  it.each([
    ["no affinity", old(), "no NodeAffinity set"],
    ["an affinity that requires nothing", old({ nodeAffinity: {} }), "no NodeAffinity.Required set"],
    [
      "several values",
      old({ nodeAffinity: affinity("kubernetes.io/hostname", "a", "b") }),
      "multiple values for the node affinity",
    ],
    ["no values", old({ nodeAffinity: affinity("kubernetes.io/hostname") }), "multiple values for the node affinity"],
    ["no terms", old({ nodeAffinity: { required: { nodeSelectorTerms: [] } } }), "cannot find affinited node"],
    [
      "another operator",
      old({
        nodeAffinity: {
          required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }] },
        },
      }),
      "cannot find affinited node",
    ],
  ])("cannot be told from %s", (what, pv, message) => {
    const bare = what === "no affinity" ? { ...pv, spec: { ...pv.spec, nodeAffinity: undefined } } : pv;
    expect(() => nodeOf(topologyOf(bare as PersistentVolume), [node("node-a")])).toThrow(saying(message));
  });

  it("cannot be told when several nodes carry the label and none is annotated", () => {
    const twice = [node("one", { "kubernetes.io/hostname": "node-a" }), renamed];
    expect(() => nodeOf(topologyOf(old()), twice)).toThrow(
      saying("several nodes have the label kubernetes.io/hostname=node-a: one, node-a.internal"),
    );
    expect(found(volume({ annotations: { "local.path.provisioner/selected-node": "one" } }), twice)).toBe("one");
  });
});

describe("the directory of a volume", () => {
  it("is that of hostPath or of local, cleaned", () => {
    expect(directoryOf(volume({ path: "/p//v/" }))).toBe("/p/v");
    const { hostPath: _, ...spec } = volume().spec ?? {};
    expect(directoryOf({ spec: { ...spec, local: { path: "/l" } } })).toBe("/l");
  });

  it("is none for both or neither", () => {
    expect(directoryOf(volume({ spec: { local: { path: "/l" } } }))).toBeUndefined();
    expect(directoryOf({ spec: {} })).toBeUndefined();
  });
});

describe("whether a volume may lie on a node", () => {
  it("is yes for the annotated, named or labelled one, and for every node where nothing is said", () => {
    expect(mayLieOn(topologyOf(volume()), node("node-a"))).toBe(true);
    expect(mayLieOn(topologyOf(volume()), node("node-b"))).toBe(false);
    expect(mayLieOn(topologyOf(old()), renamed)).toBe(true);
    expect(mayLieOn(topologyOf(old({ nodeAffinity: matchFields })), node("node-b"))).toBe(false);
    const { nodeAffinity: _, ...spec } = old().spec ?? {};
    expect(mayLieOn(topologyOf({ spec }), node("node-b"))).toBe(true);
  });

  it("is yes for every node where there is no affinity, whatever the annotation: the file system is shared", () => {
    const { nodeAffinity: _, ...spec } = volume().spec ?? {};
    expect(mayLieOn(topologyOf({ ...volume(), spec }), node("node-b"))).toBe(true);
  });

  it("is yes for the nodes of any term, and for what is not understood", () => {
    const required = {
      nodeSelectorTerms: [
        ...(affinity("a", "1").required?.nodeSelectorTerms ?? []),
        { matchExpressions: [{ key: "b", operator: "Exists" }] },
      ],
    };
    const two = topologyOf(old({ nodeAffinity: { required } }));
    expect(mayLieOn(two, node("x", { a: "1" }))).toBe(true);
    expect(mayLieOn(two, node("x", {}))).toBe(true);
    const both = old({
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            {
              matchExpressions: [
                { key: "a", operator: "In", values: ["1"] },
                { key: "b", operator: "In", values: ["2"] },
              ],
            },
          ],
        },
      },
    });
    expect(mayLieOn(topologyOf(both), node("x", { a: "1", b: "3" }))).toBe(false);
  });
});

describe("how long a volume has been Released", () => {
  it("is told by the API server, else by when it was first seen", () => {
    const at = "2030-01-01T00:00:00Z";
    expect(releasedSince(volume({ status: { lastPhaseTransitionTime: at } }), 5)).toBe(Date.parse(at));
    expect(releasedSince(volume({ status: { phase: "Bound", lastPhaseTransitionTime: at } }), 5)).toBe(5);
    expect(releasedSince(volume(), 5)).toBe(5);
    expect(releasedSince(volume({ status: { lastPhaseTransitionTime: "soon" } }), 5)).toBe(5);
  });
});
