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
  test.each<[string, Partial<KeeperSnapshot>, boolean]>([
    ["for the first volume of a node", { hasVolumes: true }, false],
    ["beside one that is ending, on a node that stays", { hasVolumes: true, keepers: [ending] }, false],
    [
      "beside one that is ending, on a node that leaves",
      { node: leaving, hasVolumes: true, toMove: true, keepers: [ending] },
      true,
    ],
    ["beside one that failed", { hasVolumes: true, keepers: [failed] }, false],
  ])("%s", (_title, snapshot, isLeaving) => {
    expect(planKeepers({ node: staying, hasVolumes: false, toMove: false, keepers: [], ...snapshot })).toEqual({
      step: "create",
      isLeaving,
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
      "to let an evicted one go before a failed one is deleted, which a policy may forbid",
      { node: leaving, hasVolumes: true, toMove: false, keepers: [ending, failed] },
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
      "to hold an ending one whose container has ended, too",
      { node: leaving, hasVolumes: true, toMove: true, keepers: [live, { ...ending, failed: true }] },
      { step: "nothing" },
    ],
    [
      "to keep one failed one on a leaving node",
      { node: leaving, hasVolumes: true, toMove: true, keepers: [live, failed] },
      { step: "nothing" },
    ],
    [
      "to keep the oldest and the newest failed one on a leaving node",
      { node: leaving, hasVolumes: true, toMove: true, keepers: [live, failed, keeper("k4", { failed: true })] },
      { step: "nothing" },
    ],
    [
      "to let go of failed ones between them, before it deletes them",
      {
        node: leaving,
        hasVolumes: true,
        toMove: true,
        keepers: [live, failed, keeper("k4", { failed: true }), keeper("k5", { failed: true })],
      },
      { step: "let-go", keeper: keeper("k4", { failed: true }), check: "none" },
    ],
    [
      "to delete one between them that was let go",
      {
        node: leaving,
        hasVolumes: true,
        toMove: true,
        keepers: [live, failed, keeper("k4", { failed: true, hasFinalizer: false }), keeper("k5", { failed: true })],
      },
      { step: "delete", keeper: keeper("k4", { failed: true, hasFinalizer: false }) },
    ],
  ])("%s", (_title, snapshot, plan) => {
    expect(planKeepers(snapshot)).toEqual(plan);
  });
});

test("a drain of a leaving node with something to move keeps waiting for a keeper that it has seen", () => {
  const anyKeeper = fc.record({ ending: fc.boolean(), failed: fc.boolean() });
  fc.assert(
    fc.property(fc.array(anyKeeper, { maxLength: 6 }), fc.boolean(), (states, evicts) => {
      let keepers = states.map((state, index) => keeper(`k${String(index)}`, state));
      if (!keepers.some(({ ending: isEnding, failed: hasFailed }) => !isEnding && !hasFailed)) {
        keepers = [...keepers, keeper("k8")];
      }
      const seen = new Set(keepers.map(({ name }) => name));
      // `--disable-eviction` deletes every pod, and the kubelet then makes it Failed.
      if (!evicts) keepers = keepers.map((one) => ({ ...one, ending: true, failed: true }));
      for (let round = 0; round < 20; round += 1) {
        const plan = planKeepers({ node: leaving, hasVolumes: true, toMove: true, keepers });
        if (plan.step === "nothing") break;
        if (plan.step === "create") keepers = [...keepers, keeper(`n${String(round)}`)];
        if (plan.step === "delete") {
          keepers = keepers.flatMap((one) =>
            one !== plan.keeper ? [one] : one.hasFinalizer ? [{ ...one, ending: true, failed: true }] : [],
          );
        }
        if (plan.step === "let-go") {
          keepers = keepers.flatMap((one) =>
            one !== plan.keeper ? [one] : one.ending ? [] : [{ ...one, hasFinalizer: false }],
          );
        }
        expect(keepers.some(({ name }) => seen.has(name))).toBe(true);
      }
      expect(keepers.some(({ ending: isEnding, failed: hasFailed }) => !isEnding && !hasFailed)).toBe(true);
    }),
  );
});
