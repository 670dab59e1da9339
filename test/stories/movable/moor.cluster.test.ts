import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { DrainPlan } from "../../../src/moor/drain/drain-plan.ts";
import type { Explanation } from "../../../src/moor/explain/explanation.ts";
import type { Status } from "../../../src/moor/status/status.ts";
import { closeNamespace, openNamespace } from "../support/cleanup.ts";
import { uncordonAll } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { openMoor, type Moor } from "../support/moor.ts";
import { MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import { localVolume, moveNamed, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { nodeBut, nothingLeftBehind } from "../support/moves.ts";
import { cordon } from "../support/nodes.ts";
import type { Pod } from "../support/objects.ts";
import { checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { budget } from "../support/workloads.ts";

const on = useMovable(["node-files", "programs"]);
const NS = "movable-moor";
const CLAIM = ["data-w-0", "-n", NS] as const;
let moor: Moor;

beforeAll(async () => {
  moor = await openMoor(on.ground);
  await openNamespace(on.ground, NS);
  await on.ground.apply(toYaml(recordWriter(NS, "w", MOVABLE_CLASS)));
});
afterEach(async () => {
  await uncordonAll(on.ground);
});
afterAll(async () => {
  await closeNamespace(on.ground, NS);
  await moor.close();
});

/** A budget for the story's pod that allows nothing. */
const BUDGET = budget(NS, "w", "w", { maxUnavailable: 0 });

/** What a command printed as JSON; it must have ended with this code. */
async function json<T>(code: number, ...args: readonly string[]): Promise<T> {
  const result = await moor.run(...args, "-o", "json");
  expect({ code: result.code, stderr: result.code === code ? "" : result.stderr }).toEqual({ code, stderr: "" });
  return JSON.parse(result.stdout) as T;
}

describe("moor", () => {
  test("says where a volume is and that its pod runs", async () => {
    const node = nodeNameOf(await readyOn(on.ground, NS, "w-0"));
    const volume = await volumeOf(on.ground, NS, "data-w-0");
    const explanation = await json<Explanation>(0, "explain", "pvc/data-w-0", "-n", NS);
    expect(explanation).toMatchObject({
      claim: { namespace: NS, name: "data-w-0", phase: "Bound" },
      volume: { name: volume, node: { name: node, ready: true } },
      pods: [{ name: "w-0", node, state: "Running" }],
    });
    expect(await json(0, "explain", "pod/w-0", "-n", NS)).toMatchObject({
      pod: "w-0",
      claims: [{ claim: explanation.claim }],
    });
    const status = await json<Status>(0, "status");
    expect(status.controller).toMatchObject({ leader: expect.any(String) as string });
    expect(status.controller?.trouble).toBeUndefined();
    expect(status.nodes.map((one) => one.node.name)).toEqual([...on.ground.nodes].toSorted());
    expect(status.nodes.find((one) => one.node.name === node)?.volumes).toBeGreaterThan(0);
  });

  test("moves a volume to another node, and returns when its pod may run there", async () => {
    const { ground } = on;
    const before = await readyOn(ground, NS, "w-0");
    const acknowledged = await moreRecords(ground, NS, "w-0");
    const from = nodeNameOf(before);
    const to = nodeBut(ground, from);
    const moved = await moor.run("move", ...CLAIM, "--to", to);
    expect({ code: moved.code, stdout: moved.stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(`^VolumeMove data-w-0-[0-9a-f]{8}: Done, .* to node ${to}\n$`),
      ) as string,
    });
    expect(moved.stderr).toMatch(/^made VolumeMove data-w-0-/);
    expect(nodeNameOf(await readyOn(ground, NS, "w-0", before.metadata.uid))).toBe(to);
    expect((await checkRecords(ground, NS, "w-0", acknowledged)).faults).toEqual([]);
    expect((await moor.run("move", ...CLAIM, "--to", to)).code).toBe(6);
  });

  test("plans a drain, and changes nothing", async () => {
    const { ground } = on;
    const node = nodeNameOf(await readyOn(ground, NS, "w-0"));
    const plan = await json<DrainPlan>(0, "plan", "drain", node);
    const group = plan.groups.find(({ pods }) => pods.includes(`${NS}/w-0`));
    expect(group?.volumes.map(({ claim }) => claim)).toEqual([`${NS}/data-w-0`]);
    expect(ground.nodes).toContain(group?.to);
    expect(group?.to).not.toBe(node);
    await ground.apply(toYaml(BUDGET));
    const held = await json<DrainPlan>(6, "plan", "drain", node);
    const blocked = held.groups.find(({ pods }) => pods.includes(`${NS}/w-0`))?.blocked;
    expect(blocked).toMatchObject({
      code: "MOVE_EVICTION_HELD",
      message: expect.stringMatching(/disruption budget/) as string,
    });
    await ground.delete(toYaml(BUDGET));
    expect((await readyOn(ground, NS, "w-0")).metadata.deletionTimestamp).toBeUndefined();
    const found = await ground.get<{ spec: { unschedulable?: boolean } }>("Node", node);
    expect(found?.spec.unschedulable).toBeUndefined();
  });

  test("says why a pod is Pending and what helps, and that nothing can be drained", async () => {
    const { ground } = on;
    const { metadata, ...running } = await readyOn(ground, NS, "w-0");
    const node = nodeNameOf({ metadata, ...running });
    for (const one of ground.nodes) await cordon(ground, one);
    await ground.delete("Pod", "w-0", NS);
    await ground.waitFor("the pod to be Pending, and its move to say why", async (saw) => {
      const pod = await ground.get<Pod>("Pod", "w-0", NS);
      const explanation = await json<Explanation>(0, "explain", ...CLAIM);
      saw(explanation);
      if (pod === undefined || pod.metadata.uid === metadata.uid) return undefined;
      return explanation.move?.blocked?.code === "MOVE_NO_TARGET" ? true : undefined;
    });
    const { stdout } = await moor.run("explain", ...CLAIM);
    expect(stdout).toMatch(new RegExp(`on node ${node} \\(Ready, cordoned\\)`));
    expect(stdout).toMatch(/^Pod w-0: Waiting\n {2}Why: its volume .* has not begun to move .* it is cordoned/m);
    expect(stdout).toMatch(/^ {2}What helps: Make room on a node/m);
    const plan = await json<DrainPlan>(6, "plan", "drain", node);
    expect(plan.groups.flatMap(({ blocked }) => blocked?.code ?? [])).toContain("MOVE_NO_TARGET");
    const refused = await moor.run("cancel", ...CLAIM);
    expect([refused.code, refused.stderr]).toEqual([6, expect.stringMatching(/MOOR_DRAIN_ASKS/) as string]);
    // Alone: with another one first, the move would begin.
    await cordon(ground, node, false);
    expect(nodeNameOf(await readyOn(ground, NS, "w-0", metadata.uid))).toBe(node);
  });

  test("cancels a move that waits: the pod notices nothing", async () => {
    const { ground } = on;
    const before = await readyOn(ground, NS, "w-0");
    const from = nodeNameOf(before);
    const to = nodeBut(ground, from);
    await cordon(ground, to);
    const asked = await moor.run("move", ...CLAIM, "--to", to, "--wait=false");
    expect([asked.code, asked.stderr]).toEqual([
      0,
      expect.stringMatching(/It will wait: .*MOVE_TARGET_UNFIT/) as string,
    ]);
    const [, name = ""] = /^VolumeMove (\S+):/.exec(asked.stdout) ?? [];
    expect(await moveNamed(ground, name)).toBeDefined();
    const cancelled = await moor.run("cancel", ...CLAIM);
    expect([cancelled.code, cancelled.stdout]).toEqual([0, expect.stringMatching(/: Cancelled, /) as string]);
    expect(await moveNamed(ground, name)).toBeUndefined();
    expect((await readyOn(ground, NS, "w-0")).metadata.uid).toBe(before.metadata.uid);
    expect((await localVolume(ground, await volumeOf(ground, NS, "data-w-0")))?.spec.nodeName).toBe(from);
    await nothingLeftBehind(ground);
  });

  test("ends with a code for what is not there", async () => {
    const missing = await moor.run("explain", "no-such-claim", "-n", NS);
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringMatching(/MOOR_CLAIM_MISSING/) as string]);
    expect((await moor.run("plan", "drain", "no-such-node")).code).toBe(3);
    expect((await moor.run("status", "-o", "xml")).code).toBe(2);
    expect((await moor.run("status", "--kubeconfig", "/no-such-file")).code).toBe(5);
    expect((await moor.run("status", "--context", "no-such-context")).code).toBe(5);
  });
});
