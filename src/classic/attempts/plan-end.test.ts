import { describe, expect, test } from "vitest";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import type { HelperRecord, HelperState } from "../helper/pods/record.ts";
import type { Attempt } from "./memory.ts";
import { planEnd, type EndView } from "./plan-end.ts";

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
