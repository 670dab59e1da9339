import { describe, expect, test } from "vitest";
import { parseConfig } from "../settings/config.ts";
import { node, volume, type VolumeFields } from "../testing/objects.fixture.ts";
import { planRemove } from "./plan-remove.ts";

const NOW = Date.UTC(2030, 0, 1);
const BASE = "/opt/local-path-provisioner";
const LOCAL = { nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [BASE] }] };
const SHARED = { sharedFileSystemPath: "/shared/" };
const anywhere = { nodeAffinity: undefined } as unknown as NonNullable<VolumeFields["spec"]>;

/** In words: what is done, and where. */
function plan(fields: VolumeFields, config: object = LOCAL, names: readonly string[] = ["node-a", "node-b"]): string {
  const view = {
    config: parseConfig({ from: "inline", text: JSON.stringify(config) }).config,
    nodes: names.map((name) => node(name)),
    now: NOW,
  };
  const step = planRemove(volume({ path: "/shared/v", ...fields }), view);
  if (step.step === "retain") return `retain ${step.path}`;
  if (step.step === "await-node") return `await ${step.wanted} for ${step.path}`;
  const { location, node: on, task } = step;
  return `tear down ${task.path} on ${on?.metadata?.name ?? "any"}, held on ${location.node ?? "all"}`;
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
      { storageClassConfigs: { other: SHARED } },
      "tear down /shared/v on any, held on all",
    ],
  ])("%s", (_title, fields, config, wanted) => {
    expect(plan(fields, config)).toBe(wanted);
  });

  test("waits for a node that does not exist", () => {
    expect(plan({}, LOCAL, ["node-b"])).toBe("await node-a for /shared/v");
  });

  test("of a class that is gone, and below no shared file system, is refused", () => {
    const gone = { storageClassConfigs: { other: { sharedFileSystemPath: "/elsewhere" } } };
    expect(() => plan({ spec: anywhere }, gone)).toThrow("BUG: Got request for unexpected storage class");
  });
});
