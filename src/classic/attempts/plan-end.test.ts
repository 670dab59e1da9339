import { describe, expect, test } from "vitest";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import type { HelperRecord, HelperState } from "../helper/pods/record.ts";
import type { Attempt } from "./memory.ts";
import { planAbandon, planDirectory, planEnd, type EndView } from "./plan-end.ts";

const own: Attempt = { node: "n", path: "/p/v", sizeBytes: 1n, retain: false };
const elsewhere: Attempt = { ...own, path: "/q/v" };

const atWork = (mayHaveRun: boolean, ending?: "by deadline" | "by deletion"): HelperState => ({
  is: "at work",
  mayHaveRun,
  ending,
});
const over = (isDeleted = false): HelperState => ({ is: "over", mayHaveRun: true, well: false, isDeleted });

function end(state: HelperState, change: Partial<EndView> & { again?: boolean } = {}) {
  const { again = false, ...view } = change;
  const record = { ...own, podName: "c", volumeName: "v", state, again } as unknown as HelperRecord;
  const helper: HelperPod = { pod: {}, record };
  return planEnd({ helper, made: undefined, isKept: () => false, node: "ready", ...view });
}

describe("a create pod of an attempt that is given up", () => {
  test("that has ended is the record of what it made", () => {
    expect(end(over())).toEqual({ step: "remove-then-delete", made: own });
  });
  test("that has ended and is being deleted is none: what it made is remembered", () => {
    expect(end(over(true))).toEqual({ step: "delete", made: own });
  });
  test("that runs is ended first", () => {
    expect(end(atWork(true))).toEqual({ step: "end-as-record" });
    expect(end(atWork(true, "by deadline"))).toEqual({ step: "end-as-record" });
  });
  test("that runs is deleted when nothing is to be removed, or nobody would end it", () => {
    expect(end(atWork(true), { isKept: () => true })).toEqual({ step: "delete", made: own });
    expect(end(atWork(true), { node: "silent" })).toEqual({ step: "delete", made: own });
    expect(end(atWork(true), { node: "unknown" })).toEqual({ step: "delete", made: own });
    expect(end(atWork(true, "by deletion"))).toEqual({ step: "delete", made: own });
  });
  test("that has not begun has made nothing", () => {
    expect(end(atWork(false))).toEqual({ step: "remove-beside", made: undefined });
    expect(end(atWork(false, "by deletion"))).toEqual({ step: "delete", made: undefined });
  });
  test("that has not begun and comes after another becomes the record of that one", () => {
    expect(end(atWork(false), { again: true })).toEqual({ step: "end-as-record" });
    expect(end(atWork(false), { made: own })).toEqual({ step: "end-as-record" });
    expect(end(atWork(false), { made: own, node: "silent" })).toEqual({ step: "end-as-record" });
  });
  test("the same on no node stays while what came before it is removed", () => {
    expect(end(atWork(false), { again: true, node: "unknown" })).toEqual({ step: "remove-beside", made: own });
  });
  test("has nothing to do with what is remembered of another place", () => {
    expect(end(atWork(false), { made: elsewhere })).toEqual({ step: "remove-beside", made: undefined });
  });
});

describe("an abandonment", () => {
  const plan = (states: readonly HelperState[], kept: boolean, change: Partial<HelperRecord> = {}) => {
    const pods = states.map((state, at): HelperPod => {
      return { pod: {}, record: { ...own, podName: String(at), state, ...change } as unknown as HelperRecord };
    });
    const { running, awaited } = planAbandon({ pods, isKept: () => kept });
    return [running, awaited].map((helpers) => helpers.map(({ record }) => record.podName).join());
  };
  const states = [atWork(true), atWork(true, "by deadline"), atWork(true, "by deletion"), atWork(false), over()];

  test("remembers the pods that run, and waits for their end", () => {
    expect(plan(states, false)).toEqual(["0,1", "0,1"]);
  });
  test("waits for none whose directory is kept, or unknown", () => {
    expect(plan(states, true)).toEqual(["0,1", ""]);
    expect(plan([atWork(true)], false, { path: undefined })).toEqual(["0", ""]);
  });
});

test.each([
  ["is kept", own, true, "ready", "keep"],
  ["is kept, wherever it is", own, true, "unknown", "keep"],
  ["stays on a node that is gone", own, false, "unknown", "skip"],
  ["is removed, also on a node that does not answer", own, false, "silent", "remove"],
  ["is removed from any node where it is shared", { ...own, node: "" }, false, "unknown", "remove"],
] as const)("the directory of an attempt %s", (_title, attempt, kept, node, step) => {
  expect(planDirectory(attempt, { isKept: () => kept, node })).toBe(step);
});
