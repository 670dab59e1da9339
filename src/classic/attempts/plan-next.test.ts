import { describe, expect, test } from "vitest";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import type { HelperRecord, HelperState } from "../helper/pods/record.ts";
import { STATES } from "../testing/helper-record.fixture.ts";
import { isElsewhere, planNext, type NextView } from "./plan-next.ts";

const planned = { node: "n", path: "/p/v", shared: false };
const { failed, failedDeleted, running, stopped, succeeded, unbegunDeleted: deleted, unplaced } = STATES;

const pod = (podName: string, state: HelperState, change: Partial<HelperRecord> = {}): HelperPod => ({
  pod: { metadata: { name: podName } },
  record: { podName, volumeName: "v", path: "/p/v", node: "n", state, ...change } as HelperRecord,
});

/** In words: where it goes on, by which pod, and what is done first. */
function next(pods: readonly HelperPod[], change: Partial<NextView> = {}): readonly string[] {
  const { next: at, chores } = planNext({ planned, pods, isReady: () => true, ...change });
  const by = at.made?.metadata?.name ?? at.running?.metadata?.name;
  const how = at.made === undefined ? (at.running === undefined ? "anew" : `with ${by}`) : `made by ${by}`;
  return [`${at.node}:${at.path} ${how}`, ...chores.map((one) => `${one.chore} ${one.helper.record.podName}`)];
}

describe("the next attempt of a claim", () => {
  test.each<[string, readonly HelperPod[], readonly string[]]>([
    ["begins where nothing is", [], ["n:/p/v anew"]],
    ["waits for a pod that runs", [pod("a", running)], ["n:/p/v with a"]],
    [
      "takes what was made, wherever the plan is now",
      [pod("a", succeeded, { path: "/old/v" })],
      ["n:/old/v made by a"],
    ],
    ["comes after a failed pod, which stays", [pod("a", failed)], ["n:/p/v anew"]],
    [
      "takes what was made, and drops the pod before it",
      [pod("a", failed), pod("b", succeeded)],
      ["n:/p/v made by b", "delete-pod a"],
    ],
    [
      "takes what was made rather than wait for a pod that runs",
      [pod("a", running), pod("b", succeeded)],
      ["n:/p/v made by b", "delete-pod a"],
    ],
    [
      "gives up a pod that does not say where its directory is",
      [pod("a", succeeded, { path: undefined })],
      ["n:/p/v anew", "give-up-pod a"],
    ],
    ["leaves a failed pod that is being deleted", [pod("a", failedDeleted)], ["n:/p/v anew"]],
    ["gives up what is on another node", [pod("a", running, { node: "m" })], ["n:/p/v anew", "give-up-pod a"]],
    ["gives up what failed elsewhere", [pod("a", failed, { path: "/q/v" })], ["n:/p/v anew", "give-up-pod a"]],
    ["ends a pod that is deleted and has not ended", [pod("a", deleted)], ["n:/p/v anew", "end-pod a"]],
    ["leaves the end of one whose time is up to its kubelet", [pod("a", stopped)], ["n:/p/v anew"]],
  ])("%s", (_title, pods, wanted) => {
    expect(next(pods)).toEqual(wanted);
  });

  test("ends one whose time is up where its kubelet does not", () => {
    expect(next([pod("a", stopped)], { isReady: () => false })).toEqual(["n:/p/v anew", "end-pod a"]);
    expect(next([pod("a", unplaced)], { isReady: () => false })).toEqual(["n:/p/v anew", "end-pod a"]);
  });

  test("does not end one whose time is not up, nor one that has no node", () => {
    const view = { isReady: () => false };
    const pods = [pod("a", running), pod("b", succeeded)];
    expect(next(pods, view)).toEqual(["n:/p/v made by b", "delete-pod a"]);
    const shared = { ...view, planned: { node: "", path: "/p/v", shared: true } };
    expect(next([pod("a", unplaced, { node: "" })], shared)).toEqual([":/p/v anew"]);
  });

  test("on a shared file system a pod of any node counts, for the planned directory alone", () => {
    const shared = { planned: { node: "", path: "/p/v", shared: true } };
    expect(next([pod("a", succeeded, { node: "m" })], shared)).toEqual(["m:/p/v made by a"]);
    expect(next([pod("a", succeeded, { path: "/q/v" })], shared)).toEqual([":/p/v anew", "give-up-pod a"]);
  });

  test("what is remembered elsewhere is not where it goes on", () => {
    const at = { path: "/p/v", node: "n", made: undefined, running: undefined };
    const made = { node: "n", path: "/p/v", sizeBytes: 1n, retain: false };
    expect(isElsewhere(made, at, planned)).toBe(false);
    expect(isElsewhere({ ...made, path: "/q/v" }, at, planned)).toBe(true);
    expect(isElsewhere({ ...made, node: "m" }, at, planned)).toBe(true);
    expect(isElsewhere({ ...made, node: "m" }, at, { ...planned, shared: true })).toBe(false);
  });
});
