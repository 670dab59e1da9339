import { expect, it } from "vitest";
import { CsiError, type CsiNode, type PublishRequest } from "../../api/csi.ts";
import type { PersistentVolume } from "../../kube/kinds.ts";
import { CsiDrivers, csiTarget } from "./csi-drivers.ts";

const volume: PersistentVolume = {
  metadata: { name: "pvc-1" },
  spec: { accessModes: ["ReadWriteOnce"], csi: { driver: "d", volumeHandle: "h", volumeAttributes: { a: "b" } } },
};
const target = csiTarget("pod-1", "pvc-1");

/** A driver that writes down its calls, and fails those that it is told to. */
function driver() {
  const calls: string[] = [];
  const requests: PublishRequest[] = [];
  let failure: CsiError | undefined;
  const call = (what: string): Promise<void> => {
    calls.push(what);
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  };
  const node: CsiNode = {
    publish: (request) => {
      requests.push(request);
      return call(`publish ${request.volumeId}`);
    },
    unpublish: ({ volumeId }) => call(`unpublish ${volumeId}`),
    stats: () => Promise.reject(new CsiError("NOT_FOUND", "nothing is counted")),
  };
  return {
    calls,
    requests,
    node,
    fails: (error: CsiError | undefined) => {
      failure = error;
    },
  };
}

it("a volume is published as its PersistentVolume says, and unpublished once", async () => {
  const { calls, node, requests } = driver();
  const drivers = new CsiDrivers();
  drivers.register("d", node);
  await drivers.publish("pod-1", volume, target);
  expect(requests).toEqual([
    {
      volumeId: "h",
      targetPath: "/var/lib/kubelet/pods/pod-1/volumes/kubernetes.io~csi/pvc-1/mount",
      readonly: false,
      accessType: "mount",
      accessMode: "SINGLE_NODE_MULTI_WRITER",
      mountFlags: [],
      volumeContext: { a: "b" },
    },
  ]);
  await drivers.unpublishAll("pod-1");
  await drivers.unpublishAll("pod-1");
  expect(calls).toEqual(["publish h", "unpublish h"]);
});

it.each([
  ["FAILED_PRECONDITION", ["publish h"]],
  ["UNAVAILABLE", ["publish h", "unpublish h"]],
] as const)("after a publish that ends with %s the kubelet calls %j", async (code, expected) => {
  const { calls, fails, node } = driver();
  const drivers = new CsiDrivers();
  drivers.register("d", node);
  fails(new CsiError(code, "not now"));
  await expect(drivers.publish("pod-1", volume, target)).rejects.toThrow(/^rpc error: code = \w+ desc = not now$/);
  fails(undefined);
  await drivers.unpublishAll("pod-1");
  expect(calls).toEqual(expected);
});

it("an unpublish that fails is tried again, and a driver that is not registered is named", async () => {
  const { calls, fails, node } = driver();
  const drivers = new CsiDrivers();
  await expect(drivers.publish("pod-1", volume, target)).rejects.toThrow(
    "driver name d not found in the list of registered CSI drivers",
  );
  const unregister = drivers.register("d", node);
  await drivers.publish("pod-1", volume, target);
  fails(new CsiError("INTERNAL", "busy"));
  await expect(drivers.unpublishAll("pod-1")).rejects.toThrow("busy");
  fails(undefined);
  unregister();
  await expect(drivers.unpublishAll("pod-1")).rejects.toThrow("not found in the list");
  drivers.register("d", node);
  await drivers.unpublishAll("pod-1");
  expect(calls).toEqual(["publish h", "unpublish h", "unpublish h"]);
});
