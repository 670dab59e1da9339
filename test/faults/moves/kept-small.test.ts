// Moves wait in Prepared for a disruption budget, live passes run meanwhile, and something happens
// in the middle of one.
import { describe, expect, test } from "vitest";
import { seedOf } from "../draw.ts";
import type { RecordBugs } from "./engine.ts";
import { readMooringManifests } from "./install.ts";
import { quietPlan, type MovesPlan, type PreparedHarm } from "./plan.ts";
import { runMoves } from "./run.ts";

const manifests = await readMooringManifests();
const SEEDS = Array.from({ length: 4 }, (_, index) => seedOf(20261129, index));

/** A volume is moved twice. Both moves wait for its budget, which the harm may free earlier. */
function planWith(seed: number, is: PreparedHarm["is"], afterMs: number): MovesPlan {
  const move = { step: "move", set: "db-0", deletedAfterMs: undefined } as const;
  return quietPlan({
    seed,
    sets: [{ name: "db-0", at: 1_000, replicas: 1 }],
    steps: [
      { ...move, at: 15_000, to: "node-b" },
      { ...move, at: 15_500, to: "node-c" },
    ],
    recordEveryMs: 700,
    workMs: [500, 2_000],
    budgets: [{ set: "db-0", freedAt: 300_000 }],
    preparedHarms: [{ is, afterMs, downMs: 3_000 }],
  });
}

/** Milliseconds after the beginning of a pass. */
const MOMENTS = [2_500, 6_500];

describe("no byte is lost in live passes in Prepared", () => {
  test.each(["nothing", "freed", "cut", "source crashes", "target crashes"] as const)("%s", async (is) => {
    for (const [index, afterMs] of MOMENTS.entries()) {
      const seed = SEEDS[index] ?? 0;
      const plan = planWith(seed, is, afterMs);
      const { failure, passesInPrepared } = await runMoves(seed, manifests, { trace: false, plan });
      expect(failure).toBeUndefined();
      expect(passesInPrepared).toBeGreaterThan(0);
    }
  });
});

// Bugs that are put in on purpose: runs that do not fail of one of them prove nothing.
test.each<[string, RecordBugs, Partial<MovesPlan>]>([
  // Its pod has written its last record when the pass begins: what has not arrived has not changed.
  ["a pass that broke is taken for whole", { brokenIsWhole: true }, { recordEveryMs: 180 }],
  ["a pass that the fence has ended goes on writing", { writesOn: true }, { workMs: [2_000, 4_000] }],
])("a run fails when %s", async (_what, records, bent) => {
  let failure: string | undefined;
  for (const seed of SEEDS) {
    const plan = { ...planWith(seed, "freed", 2_000), ...bent };
    ({ failure } = await runMoves(seed, manifests, { trace: false, plan, sabotage: { records } }));
    if (failure !== undefined) break;
  }
  expect(failure).toMatch(/was committed although \w+ of pvc-\S+ differs|has lost records of/);
});
