import { describe, expect, test } from "vitest";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import type { HelperRecord, HelperState } from "../helper/pods/record.ts";
import type { Attempt } from "./memory.ts";
import { type AbandonView, type EndView, isRunning, planAbandon, planDirectory, planEnd } from "./plan-end.ts";

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
  const helper = (podName: string, state: HelperState, change: Partial<HelperRecord> = {}): HelperPod => {
    return { pod: {}, record: { ...own, podName, uid: podName, state, ...change } as unknown as HelperRecord };
  };
  /** In words: each step as if it had done what it says. */
  function steps(pods: readonly HelperPod[], change: Partial<AbandonView> = {}): readonly string[] {
    const view: AbandonView = { pods, made: undefined, awaited: new Set(), isKept: () => false, ...change };
    const step = planAbandon(view);
    switch (step.step) {
      case "await-end": {
        const { podName, uid } = step.helper.record;
        return [`await ${podName}`, ...steps(pods, { ...change, awaited: new Set([...view.awaited, uid]) })];
      }
      case "give-up-pod": {
        const rest = pods.filter((one) => one !== step.helper);
        return [`give up ${step.helper.record.podName}`, ...steps(rest, change)];
      }
      case "give-up-directory":
        return [`give up ${step.made.path}`, ...steps(pods, { ...change, made: undefined })];
      case "forget":
        return ["forget"];
      default:
        return step satisfies never;
    }
  }
  const waiting = helper("w", atWork(false));
  const running = helper("r", atWork(true));
  const ending = helper("e", atWork(true, "by deadline"));

  test.each<[string, readonly HelperPod[], Partial<AbandonView>, readonly string[]]>([
    ["forgets at once where nothing is", [], {}, ["forget"]],
    ["gives up what has ended, and what has not begun", [helper("o", over()), waiting], {}, ["give up o", "give up w"]],
    [
      "waits for every pod that runs before it gives up any",
      [waiting, running, ending],
      {},
      ["await r", "await e", "give up w", "give up r", "give up e"],
    ],
    ["waits for none that somebody has deleted", [helper("d", atWork(true, "by deletion"))], {}, ["give up d"]],
    ["waits for none whose directory is kept", [running], { isKept: () => true }, ["give up r"]],
    [
      "waits for none that does not say where it is",
      [helper("r", atWork(true), { path: undefined })],
      {},
      ["give up r"],
    ],
    ["waits for a pod once", [running], { awaited: new Set(["r"]) }, ["give up r"]],
    ["gives up what no pod records after the pods", [waiting], { made: elsewhere }, ["give up w", "give up /q/v"]],
  ])("%s", (_title, pods, change, wanted) => {
    expect(steps(pods, change)).toEqual(wanted.at(-1) === "forget" ? wanted : [...wanted, "forget"]);
  });

  test.each<[string, HelperPod, boolean]>([
    ["runs", running, true],
    ["runs to its deadline", ending, true],
    ["has not begun", waiting, false],
    ["was deleted", helper("d", atWork(true, "by deletion")), false],
    ["has ended", helper("o", over()), false],
  ])("a pod that %s", (_title, pod, wanted) => {
    expect(isRunning(pod)).toBe(wanted);
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
