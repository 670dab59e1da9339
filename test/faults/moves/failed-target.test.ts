import { expect, test } from "vitest";
import { readMooringManifests } from "./install.ts";
import { quietPlan, type MovesPlan, type UserStep } from "./plan.ts";
import { runMoves } from "./run.ts";

const manifests = await readMooringManifests();
const NODES = ["node-a", "node-b", "node-c"];

const drain = (node: string, at: number): UserStep => ({
  step: "drain",
  at,
  node,
  disableEviction: false,
  givesUpAfterMs: undefined,
  uncordonAfterMs: 1_000,
});

/** The other two nodes are drained one after the other; whatever lies on them has one way out. */
function planWith(broken: string): MovesPlan {
  const steps = NODES.filter((node) => node !== broken).map((node, index) => drain(node, 30_000 + 200_000 * index));
  return quietPlan({
    nodes: NODES,
    sets: [{ name: "db-0", at: 5_000, replicas: 2 }],
    steps,
    broken: { node: broken, forEver: true },
    healAt: 400_000,
  });
}

test.each(NODES)("a drain ends although no copy can be written on %s", async (broken) => {
  const { failure, lasted } = await runMoves(1, manifests, { trace: false, plan: planWith(broken) });
  expect(failure).toBeUndefined();
  // Five minutes after the last drain began the longest of all pauses would still be under way.
  expect(lasted).toBeLessThan(530_000);
});
