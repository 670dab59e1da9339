import { describe, expect, test } from "vitest";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import type { HelperRecord, HelperState } from "../helper/pods/record.ts";
import { STATES } from "../testing/helper-record.fixture.ts";
import type { Attempt } from "./memory.ts";
import { planNext, type NextView } from "./plan-next.ts";

const planned = { node: "n", path: "/p/v", shared: false };
const { failed, failedDeleted, running, stopped, succeeded, unbegunDeleted: deleted, unplaced } = STATES;

const pod = (podName: string, state: HelperState, change: Partial<HelperRecord> = {}): HelperPod => ({
  pod: { metadata: { name: podName } },
  record: { podName, volumeName: "v", path: "/p/v", node: "n", state, ...change } as HelperRecord,
});

/** Nothing answers on any node. */
const silent: Pick<NextView, "answers"> = { answers: (node) => node === "" };

/**
 * In words: each step as if it had done what it says, and at last where it goes on, and by which
 * pod.
 */
function next(pods: readonly HelperPod[], change: Partial<NextView> = {}): readonly string[] {
  const view: NextView = { planned, pods, made: undefined, answers: () => true, ...change };
  const step = planNext(view);
  if ("helper" in step) {
    const rest = view.pods.filter((one) => one !== step.helper);
    return [`${step.step} ${step.helper.record.podName}`, ...next(rest, change)];
  }
  if ("made" in step) {
    return [`${step.step} ${step.made.node}:${step.made.path}`, ...next(pods, { ...change, made: undefined })];
  }
  expect(step.step).toBe("continue");
  const { made, node, path, running: at } = step.next;
  const how = [made && `made by ${made.metadata?.name}`, at && `with ${at.metadata?.name}`].filter(Boolean);
  return [`${node}:${path} ${how.join(" and ") || "anew"}`];
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
      ["delete-pod a", "n:/p/v made by b"],
    ],
    [
      "takes what was made rather than wait for a pod that runs",
      [pod("a", running), pod("b", succeeded)],
      ["delete-pod a", "n:/p/v made by b"],
    ],
    [
      "gives up a pod that does not say where its directory is",
      [pod("a", succeeded, { path: undefined })],
      ["give-up-pod a", "n:/p/v anew"],
    ],
    ["leaves a failed pod that is being deleted", [pod("a", failedDeleted)], ["n:/p/v anew"]],
    ["gives up what is on another node", [pod("a", running, { node: "m" })], ["give-up-pod a", "n:/p/v anew"]],
    ["gives up what failed elsewhere", [pod("a", failed, { path: "/q/v" })], ["give-up-pod a", "n:/p/v anew"]],
    ["ends a pod that is deleted and has not ended", [pod("a", deleted)], ["end-pod a", "n:/p/v anew"]],
    ["leaves the end of one whose time is up to its kubelet", [pod("a", stopped)], ["n:/p/v anew"]],
  ])("%s", (_title, pods, wanted) => {
    expect(next(pods)).toEqual(wanted);
  });

  test("ends one whose time is up where its kubelet does not", () => {
    expect(next([pod("a", stopped)], silent)).toEqual(["end-pod a", "n:/p/v anew"]);
    expect(next([pod("a", unplaced)], silent)).toEqual(["end-pod a", "n:/p/v anew"]);
  });

  test("does not end one whose time is not up, nor one that has no node", () => {
    const pods = [pod("a", running), pod("b", succeeded)];
    expect(next(pods, silent)).toEqual(["delete-pod a", "n:/p/v made by b"]);
    const shared = { ...silent, planned: { node: "", path: "/p/v", shared: true } };
    expect(next([pod("a", unplaced, { node: "" })], shared)).toEqual([":/p/v anew"]);
  });

  test("on a shared file system a pod of any node counts, for the planned directory alone", () => {
    const shared = { planned: { node: "", path: "/p/v", shared: true } };
    expect(next([pod("a", succeeded, { node: "m" })], shared)).toEqual(["m:/p/v made by a"]);
    expect(next([pod("a", succeeded, { path: "/q/v" })], shared)).toEqual(["give-up-pod a", ":/p/v anew"]);
  });

  test("gives up several pods one after the other", () => {
    const pods = [pod("a", failed, { node: "m" }), pod("b", failed, { path: "/q/v" }), pod("c", deleted)];
    expect(next(pods)).toEqual(["give-up-pod a", "give-up-pod b", "end-pod c", "n:/p/v anew"]);
  });

  test("leaves the pods and directories of a node that does not answer", () => {
    const view = { answers: (node: string) => node !== "m" };
    expect(next([pod("a", running, { node: "m" })], view)).toEqual(["leave-pod a", "n:/p/v anew"]);
    expect(next([pod("a", running, { node: "k" })], view)).toEqual(["give-up-pod a", "n:/p/v anew"]);
    expect(next([pod("a", unplaced, { node: "" })], silent)).toEqual(["give-up-pod a", "n:/p/v anew"]);
  });

  const made: Attempt = { node: "n", path: "/p/v", sizeBytes: 1n, retain: false };

  test.each<[string, Attempt, Partial<NextView>, readonly string[]]>([
    ["is gone on with where it is planned", made, {}, []],
    ["is given up at another path", { ...made, path: "/q/v" }, {}, ["give-up-directory n:/q/v"]],
    ["is given up on another node", { ...made, node: "m" }, {}, ["give-up-directory m:/p/v"]],
    [
      "is left on another node that does not answer",
      { ...made, node: "m" },
      { answers: (node) => node === "n" },
      ["leave-directory m:/p/v"],
    ],
    [
      "is gone on with on any node of a shared file system",
      { ...made, node: "m" },
      { planned: { ...planned, shared: true } },
      [],
    ],
    [
      "is given up at another path of it, where no node has to answer",
      { ...made, node: "", path: "/q/v" },
      { planned: { ...planned, shared: true }, ...silent },
      ["give-up-directory :/q/v"],
    ],
  ])("what no pod records %s", (_title, remembered, change, wanted) => {
    expect(next([], { made: remembered, ...change })).toEqual([...wanted, "n:/p/v anew"]);
  });

  test("a directory that no pod records comes after the pods, unless a pod continues there", () => {
    const pods = [pod("a", failed, { node: "m" }), pod("b", running, { path: "/old/v" })];
    expect(next(pods, { made })).toEqual(["give-up-pod a", "give-up-directory n:/p/v", "n:/old/v with b"]);
    expect(next(pods, { made: { ...made, path: "/old/v" } })).toEqual(["give-up-pod a", "n:/old/v with b"]);
  });
});
