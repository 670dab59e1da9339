import { expect, test } from "vitest";
import {
  afterHoldingBack,
  afterPass,
  beginStay,
  passOf,
  planPrepared,
  type EndOfPass,
  type PreparedState,
} from "./kept-small.ts";
import { LITTLE_BYTES } from "./passes.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const STAY = beginStay("stay", 0);

/** What is to be done in a stay whose first pass is due at 30 s, and when to look again. */
function planned(atMs: number, state: Partial<PreparedState> = {}) {
  const { lookMs, step } = planPrepared(
    { stay: STAY, isUnderWay: false, isBusy: false, isHeldBack: false, ...state },
    atMs,
  );
  return [step, lookMs / SECOND];
}

/** The pauses after passes that end like this, in seconds. */
function pausesAfter(...ends: readonly EndOfPass[]): readonly number[] {
  let stay = STAY;
  return ends.map((end) => {
    stay = afterPass(stay, end, 5 * MINUTE);
    return (stay.dueMs - 5 * MINUTE) / SECOND;
  });
}
const little = { sent: LITTLE_BYTES, tookMs: 10 };
const much = { sent: LITTLE_BYTES + 1, tookMs: 10 };
const failed = { failed: true, emptied: false } as const;
const emptied = { failed: true, emptied: true } as const;

test("the first pass begins after half a minute", () => {
  expect(beginStay("stay", 7 * SECOND).dueMs).toBe(37 * SECOND);
  expect(planned(0)).toEqual(["wait", 30]);
  expect(planned(30 * SECOND - 1)).toEqual(["wait", 0.001]);
  expect(planned(30 * SECOND)).toEqual(["begin", 5]);
  expect(planned(MINUTE)).toEqual(["begin", 5]);
});

test("a pass that is due waits for other work, and for the cut-over of another volume", () => {
  expect(planned(MINUTE, { isBusy: true })).toEqual(["wait", 10]);
  expect(planned(MINUTE, { isHeldBack: true })).toEqual(["wait", 10]);
  expect(planned(0, { isBusy: true, isHeldBack: true })).toEqual(["wait", 30]);
});

test("only a cut-over ends a pass in progress", () => {
  for (const isBusy of [true, false]) {
    expect(planned(MINUTE, { isUnderWay: true, isBusy })).toEqual(["wait", 5]);
    expect(planned(MINUTE, { isUnderWay: true, isBusy, isHeldBack: true })).toEqual(["end", 10]);
  }
});

test("a pass that was ended for a cut-over begins again after growing pauses, until it ends by itself", () => {
  let stay = STAY;
  const pauses = Array.from({ length: 6 }, () => {
    stay = afterHoldingBack(stay, MINUTE);
    return (stay.dueMs - MINUTE) / SECOND;
  });
  expect(pauses).toEqual([60, 120, 240, 480, 600, 600]);
  expect(passOf(stay)).toBe(passOf(STAY));
  for (const end of [little, failed]) {
    expect(afterHoldingBack(afterPass(stay, end, 0), MINUTE).dueMs).toBe(2 * MINUTE);
  }
});

test("passes that send little become rare, and one that sends much resets the pause", () => {
  expect(pausesAfter(little, little, little, little, little, little, much, much, little, little)).toEqual([
    60, 120, 240, 480, 600, 600, 60, 60, 60, 120,
  ]);
});

test("a long pass has a longer pause", () => {
  expect(pausesAfter({ ...much, tookMs: 30 * SECOND }, { ...little, tookMs: 100 * SECOND })).toEqual([600, 2000]);
});

test("a pass that fails is tried again after growing pauses, until one ends well", () => {
  expect(pausesAfter(failed, failed, failed, failed, failed, failed)).toEqual([300, 600, 1200, 2400, 3600, 3600]);
  expect(pausesAfter(failed, failed, much, failed)).toEqual([300, 600, 60, 300]);
});

test("after a pass that deletes the records the next one begins soon, but only once", () => {
  expect(pausesAfter(emptied, failed, emptied, failed, emptied, failed)).toEqual([30, 300, 30, 600, 30, 1200]);
});

test("each pass has its own name", () => {
  let stay = STAY;
  const names = [passOf(stay)];
  for (const end of [much, failed, little, emptied]) {
    stay = afterPass(stay, end, 0);
    names.push(passOf(stay));
  }
  expect(new Set(names).size).toBe(5);
});
