import { describe, expect, test } from "vitest";
import { parseConfig } from "../settings/config.ts";
import { node, volume, type VolumeFields } from "../testing/objects.fixture.ts";
import { planRemove, type RemoveStep } from "./plan-remove.ts";

const NOW = Date.UTC(2030, 0, 1);
const BASE = "/opt/local-path-provisioner";
const LOCAL = { nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [BASE] }] };
const SHARED = { sharedFileSystemPath: "/shared/" };
const anywhere = { nodeAffinity: undefined } as unknown as NonNullable<VolumeFields["spec"]>;

function planOf(
  fields: VolumeFields,
  config: object = LOCAL,
  names: readonly string[] = ["node-a", "node-b"],
): RemoveStep {
  return planRemove(volume({ path: "/shared/v", ...fields }), {
    config: parseConfig({ from: "inline", text: JSON.stringify(config) }).config,
    nodes: names.map((name) => node(name)),
    now: NOW,
  });
}

/** In words: what is done, and where. */
function plan(...args: Parameters<typeof planOf>): string {
  const step = planOf(...args);
  switch (step.step) {
    case "retain":
      return `retain ${step.path}`;
    case "await-node":
      return `await ${step.wanted} for ${step.path}`;
    case "tear-down": {
      const { location, node: on, task } = step;
      return `tear down ${task.path} on ${on?.metadata?.name ?? "any"}, held on ${location.node ?? "all"}`;
    }
    default:
      return step satisfies never;
  }
}

describe("a Released volume", () => {
  test.each<[string, VolumeFields, object, string]>([
    ["is removed on its node", {}, LOCAL, "tear down /shared/v on node-a, held on node-a"],
    [
      "is on its node's disk, though its class is shared now",
      {},
      SHARED,
      "tear down /shared/v on node-a, held on node-a",
    ],
    ["stays when it is retained", { spec: { persistentVolumeReclaimPolicy: "Retain" } }, LOCAL, "retain /shared/v"],
    [
      "without an affinity is on every node of a shared class",
      { spec: anywhere },
      SHARED,
      "tear down /shared/v on any, held on all",
    ],
    [
      "without an affinity may be on any node of another class",
      { spec: anywhere },
      LOCAL,
      "tear down /shared/v on node-a, held on all",
    ],
    [
      "whose class is gone is on the file system that has its directory",
      { spec: anywhere },
      { storageClassConfigs: { other: SHARED, third: LOCAL } },
      "tear down /shared/v on any, held on all",
    ],
    [
      "whose class is configured is where that class says",
      { spec: anywhere },
      { storageClassConfigs: { "local-path": LOCAL, other: SHARED } },
      "tear down /shared/v on node-a, held on all",
    ],
    [
      "whose class is shared, among others, is where that class says",
      { spec: anywhere },
      { storageClassConfigs: { "local-path": SHARED, other: LOCAL } },
      "tear down /shared/v on any, held on all",
    ],
  ])("%s", (_title, fields, config, wanted) => {
    expect(plan(fields, config)).toBe(wanted);
  });

  const claimRef = { namespace: "shop", name: "data", uid: "claim" };
  const status = { phase: "Released", lastPhaseTransitionTime: "2029-12-31T00:00:00Z" };
  const task = {
    action: "delete",
    volumeName: "pv",
    released: { uid: "uid-of-pv", claimUid: "claim", since: Date.parse(status.lastPhaseTransitionTime) },
    path: "/shared/v",
    node: "node-a",
    shared: false,
    sizeBytes: 1n << 30n,
    mode: "Filesystem",
  };

  test("is removed by a task that names the release", () => {
    expect(planOf({ name: "pv", spec: { claimRef }, status })).toEqual({
      step: "tear-down",
      task,
      location: { volume: "pv", node: "node-a", path: "/shared/v" },
      node: node("node-a"),
    });
  });

  test("is removed on any node if all nodes share it", () => {
    expect(planOf({ name: "pv", spec: { ...anywhere, claimRef }, status }, SHARED)).toEqual({
      step: "tear-down",
      task: { ...task, node: "", shared: true },
      location: { volume: "pv", node: undefined, path: "/shared/v" },
      node: undefined,
    });
  });

  test("has no size if it does not give one", () => {
    expect(planOf({ spec: { capacity: {} } })).toMatchObject({ task: { sizeBytes: 0n } });
    const { capacity: _, ...spec } = volume().spec ?? {};
    expect(planOf({ spec: { ...spec, capacity: undefined } as never })).toMatchObject({ task: { sizeBytes: 0n } });
  });

  test("without a path is refused", () => {
    expect(() => planOf({ spec: { hostPath: undefined } as never })).toThrow("no path set");
  });

  test("waits for a node that does not exist", () => {
    expect(plan({}, LOCAL, ["node-b"])).toBe("await node-a for /shared/v");
  });

  test("of a class that is gone, and below no shared file system, is refused", () => {
    const gone = { storageClassConfigs: { other: { sharedFileSystemPath: "/elsewhere" }, third: LOCAL } };
    expect(() => plan({ spec: anywhere }, gone)).toThrow("BUG: Got request for unexpected storage class");
  });
});
