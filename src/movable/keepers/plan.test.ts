import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planKeepers, type Keeper, type KeeperSnapshot } from "./plan.ts";

const keeper = (name: string, change: Partial<Keeper> = {}): Keeper => ({
  name,
  uid: name,
  ending: false,
  failed: false,
  hasFinalizer: true,
  createdAt: `2026-01-01T00:00:0${name.slice(-1)}Z`,
  ...change,
});
const live = keeper("k1");
const ending = keeper("k2", { ending: true });
const failed = keeper("k3", { failed: true });
const staying = { leaving: false };
const leaving = { leaving: true };

describe("a keeper is made", () => {
  test.each<[string, Partial<KeeperSnapshot>]>([
    ["for the first volume of a node", { hasVolumes: true }],
    ["beside one that is ending, on a node that stays", { hasVolumes: true, keepers: [ending] }],
    [
      "beside one that is ending, on a node that leaves",
      { node: leaving, hasVolumes: true, toMove: true, keepers: [ending] },
    ],
    ["beside one that failed", { hasVolumes: true, keepers: [failed] }],
  ])("%s", (_title, snapshot) => {
    expect(planKeepers({ node: staying, hasVolumes: false, toMove: false, keepers: [], ...snapshot })).toEqual({
      step: "create",
    });
  });
});

describe("the next step is", () => {
  test.each<[string, KeeperSnapshot, object]>([
    [
      "nothing on a node without volumes",
      { node: staying, hasVolumes: false, toMove: false, keepers: [] },
      { step: "nothing" },
    ],
    [
      "nothing with one live keeper",
      { node: staying, hasVolumes: true, toMove: true, keepers: [live] },
      { step: "nothing" },
    ],
    [
      "to let an ending one go once a live one is there",
      { node: staying, hasVolumes: true, toMove: false, keepers: [live, ending] },
      { step: "let-go", keeper: ending, check: "node-stays" },
    ],
    [
      "to hold an ending one while the node leaves with something to move",
      { node: leaving, hasVolumes: true, toMove: true, keepers: [live, ending] },
      { step: "nothing" },
    ],
    [
      "to delete the keeper of a leaving node with nothing to move",
      { node: leaving, hasVolumes: true, toMove: false, keepers: [live] },
      { step: "delete", keeper: live },
    ],
    [
      "to let the last one go when nothing is to move",
      { node: leaving, hasVolumes: true, toMove: false, keepers: [ending] },
      { step: "let-go", keeper: ending, check: "nothing-to-move" },
    ],
    [
      "to delete the keeper of a node without volumes",
      { node: staying, hasVolumes: false, toMove: false, keepers: [live] },
      { step: "delete", keeper: live },
    ],
    [
      "to let go of keepers of a Node that is gone",
      { node: undefined, hasVolumes: true, toMove: true, keepers: [ending] },
      { step: "let-go", keeper: ending, check: "none" },
    ],
    [
      "to delete a second live one, the younger",
      { node: staying, hasVolumes: true, toMove: false, keepers: [keeper("k9"), live] },
      { step: "delete", keeper: keeper("k9") },
    ],
    [
      "to keep one failed one on a leaving node",
      { node: leaving, hasVolumes: true, toMove: true, keepers: [live, failed] },
      { step: "nothing" },
    ],
    [
      "to delete the older of two failed ones on a leaving node",
      { node: leaving, hasVolumes: true, toMove: true, keepers: [live, failed, keeper("k4", { failed: true })] },
      { step: "delete", keeper: failed },
    ],
  ])("%s", (_title, snapshot, plan) => {
    expect(planKeepers(snapshot)).toEqual(plan);
  });
});

test("a leaving node with something to move never loses a keeper that can hold the drain", () => {
  const anyKeeper = fc.record({ ending: fc.boolean(), failed: fc.boolean(), hasFinalizer: fc.boolean() });
  fc.assert(
    fc.property(fc.array(anyKeeper, { maxLength: 6 }), (states) => {
      let keepers = states.map((state, index) => keeper(`k${String(index)}`, state));
      for (let round = 0; round < 20; round += 1) {
        const plan = planKeepers({ node: leaving, hasVolumes: true, toMove: true, keepers });
        if (plan.step === "nothing") break;
        const holding = keepers.filter(({ failed: hasFailed, hasFinalizer }) => !hasFailed && hasFinalizer).length;
        if (plan.step === "create") keepers = [...keepers, keeper(`n${String(round)}`)];
        if (plan.step === "delete") {
          keepers = keepers.map((one) => (one === plan.keeper ? { ...one, ending: true } : one));
        }
        if (plan.step === "let-go") keepers = keepers.filter((one) => one !== plan.keeper);
        const now = keepers.filter(({ failed: hasFailed, hasFinalizer }) => !hasFailed && hasFinalizer).length;
        expect(now).toBeGreaterThanOrEqual(Math.min(holding, 1));
      }
      expect(keepers.some(({ ending: isEnding, failed: hasFailed }) => !isEnding && !hasFailed)).toBe(true);
    }),
  );
});
