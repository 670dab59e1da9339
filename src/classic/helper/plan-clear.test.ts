import { describe, expect, test } from "vitest";
import { helperRecord, STATES } from "../testing/helper-record.fixture.ts";
import { type ClearStep, type ClearView, planClear, planDone } from "./plan-clear.ts";
import type { HelperPod } from "./pods/helper-pods.ts";
import type { HelperTask } from "./pods/pod.ts";
import type { HelperRecord, HelperState } from "./pods/record.ts";

const { deleted, failed, failedDeleted, running, stopped, succeeded, succeededDeleted, unbegunDeleted, waiting } =
  STATES;
const SINCE = Date.UTC(2030, 0, 1, 0, 0, 5);

const record = (state: HelperState, change: Partial<HelperRecord> = {}): HelperRecord =>
  helperRecord("t", state, { action: "delete", createdAt: SINCE, ...change });

describe("a delete pod that no operation waits for", () => {
  const location = { volume: "v", node: "n", path: "/p/v" };
  const clear = (of: HelperRecord, change: Partial<ClearView> = {}): string => {
    const step: ClearStep = planClear(of, { location, answers: () => true, isDead: () => false, ...change });
    if (step.step === "pass-over") return step.step;
    if (step.step === "refuse") return step.isToDelete ? "delete-and-refuse" : "refuse";
    return [step.isAwaited ? "await" : [], step.force ? "force" : step.step].flat().join("-");
  };

  test.each<[string, HelperRecord, string]>([
    ["that has not begun is deleted", record(waiting), "delete"],
    ["that runs is waited for, and deleted", record(running), "await-delete"],
    ["whose time is up is waited for, too", record(stopped), "await-delete"],
    ["that is being deleted is only seen off", record(deleted), "delete"],
    ["that has ended is deleted", record(failed), "delete"],
    ["of another volume that has ended does nothing any more", record(failed, { volumeName: "w" }), "pass-over"],
    ["of another volume that runs in the directory counts", record(running, { volumeName: "w" }), "await-delete"],
    ["of another volume, below it", record(running, { volumeName: "w", path: "/p/v/x" }), "await-delete"],
    ["of another volume, elsewhere", record(running, { volumeName: "w", path: "/p/w" }), "pass-over"],
    ["of another volume, nobody knows where", record(running, { volumeName: "w", path: undefined }), "pass-over"],
    ["of the volume counts wherever it is on the node", record(waiting, { path: "/q/v" }), "delete"],
    ["on another node", record(running, { node: "m" }), "pass-over"],
    ["on no node yet may get to any", record(waiting, { node: "" }), "delete"],
  ])("%s", (_title, of, wanted) => {
    expect(clear(of)).toBe(wanted);
  });

  test("is looked for on every node if the directory is on a shared file system", () => {
    expect(clear(record(running, { node: "m" }), { location: { ...location, node: undefined } })).toBe("await-delete");
  });

  test.each<[string, HelperRecord, string]>([
    ["that runs keeps the directory", record(running), "refuse"],
    ["that is being deleted does, too", record(unbegunDeleted), "refuse"],
    ["that has not begun is deleted", record(waiting), "delete-and-refuse"],
    ["that has ended is deleted", record(failed), "delete"],
  ])("on a node that does not answer, %s", (_title, of, wanted) => {
    expect(clear(of, { answers: () => false })).toBe(wanted);
  });

  test("is force-deleted on a dead node, and waited for only on a node", () => {
    const dead = { answers: () => false, isDead: () => true };
    expect(clear(record(running), dead)).toBe("force");
    expect(clear(record(failed), dead)).toBe("force");
    expect(clear(record(waiting, { node: "" }), { isDead: () => true })).toBe("delete");
  });
});

describe("a teardown that is to be begun", () => {
  const task = {
    path: "/p/v/",
    node: "n",
    shared: false,
    released: { uid: "pv", claimUid: "claim", since: SINCE + 900 },
  } as HelperTask;
  const done = (of: Partial<HelperRecord>, state: HelperState = succeeded, wanted: HelperTask = task): string =>
    planDone({
      task: wanted,
      isFinished: false,
      pods: [{ pod: {}, record: record(state, { volumeUid: "pv", claimUid: "claim", ...of }) }],
      awaited: new Set(),
      answers: (node) => node === "n",
    }).step;

  test.each<[string, HelperState, string]>([
    ["was done by a pod that has succeeded", succeeded, "take"],
    ["also when that pod is being deleted", succeededDeleted, "take"],
    ["was not done by one that has failed", failed, "begin"],
    ["nor by one that somebody deleted then", failedDeleted, "begin"],
    ["is waited for while a pod runs it", running, "await"],
    ["is not waited for when that pod is being ended", stopped, "begin"],
    ["nor when it has not begun", waiting, "begin"],
  ])("%s", (_title, state, wanted) => {
    expect(done({}, state)).toBe(wanted);
  });

  test.each<[string, Partial<HelperRecord>, string]>([
    ["another path", { path: "/p/w" }, "begin"],
    ["another node", { node: "m" }, "begin"],
    ["another claim's release", { claimUid: "earlier" }, "begin"],
    ["another volume of the name", { volumeUid: "earlier" }, "begin"],
    ["the claim, however old the pod is", { createdAt: 0 }, "take"],
    ["an unknown claim, in the second of its release", { claimUid: undefined }, "take"],
    ["an unknown claim, before its release", { claimUid: undefined, createdAt: SINCE - 1000 }, "begin"],
    ["an unknown claim, at an unknown time", { claimUid: undefined, createdAt: undefined }, "begin"],
    ["an unknown volume, since its release", { claimUid: undefined, volumeUid: undefined }, "take"],
    ["another volume, since its release", { claimUid: undefined, volumeUid: "earlier" }, "begin"],
  ])("looks at whom a pod was for: %s", (_title, of, wanted) => {
    expect(done(of)).toBe(wanted);
  });

  test("that this process has done needs no pod, whatever pods exist", () => {
    const pods = [{ pod: {}, record: record(running, { volumeUid: "pv", claimUid: "claim" }) }];
    const view = { task, pods, awaited: new Set<string>(), answers: () => true };
    expect(planDone({ ...view, isFinished: true })).toEqual({ step: "finished" });
    expect(planDone({ ...view, isFinished: false }).step).toBe("await");
  });

  test("is judged by the time if the release does not name the claim", () => {
    const byTime = { ...task, released: { uid: "pv", claimUid: undefined, since: SINCE } };
    expect(done({}, succeeded, byTime)).toBe("take");
    expect(done({ createdAt: SINCE - 1000 }, succeeded, byTime)).toBe("begin");
  });

  test("of an attempt has no release, and is done again", () => {
    const { released: _, ...attempt } = task;
    expect(done({}, succeeded, attempt)).toBe("begin");
  });

  test("on a shared file system counts as done wherever the pod was", () => {
    expect(done({ node: "m" }, succeeded, { ...task, shared: true })).toBe("take");
  });

  test("uses a finished pod instead of waiting, waits once, and never for a node that does not answer", () => {
    const of = (name: string, state: HelperState, node = "n"): HelperPod => ({
      pod: {},
      record: { ...record(state, { node, volumeUid: "pv", claimUid: "claim" }), podName: name, uid: name },
    });
    const plan = (pods: readonly HelperPod[], awaited: readonly string[] = []): unknown => {
      const answers = (node: string): boolean => node === "n";
      const shared = { ...task, shared: true };
      const step = planDone({ task: shared, isFinished: false, pods, awaited: new Set(awaited), answers });
      return "helper" in step ? [step.step, step.helper.record.podName] : step.step;
    };
    expect(plan([of("a", running), of("b", succeeded)])).toEqual(["take", "b"]);
    expect(plan([of("a", running), of("b", running)], ["a"])).toEqual(["await", "b"]);
    expect(plan([of("a", running)], ["a"])).toBe("begin");
    expect(plan([of("a", running, "m")])).toBe("begin");
  });
});
