import { describe, expect, test } from "vitest";
import type { Pod } from "../../../kube/kinds.ts";
import { helperRecord, STATES } from "../../testing/helper-record.fixture.ts";
import { isSameUnstarted, planRemoval, planStop, type RemovalView } from "./plan-ending.ts";
import type { HelperRecord } from "./record.ts";

const { running, waiting } = STATES;

test.each<[string, HelperRecord | undefined, boolean, string]>([
  ["has not begun is deleted", helperRecord("c", waiting), false, "by deletion"],
  ["has not begun, and is to be kept, is the record", helperRecord("c", waiting), true, "by deadline"],
  ["has not begun, and records an earlier one", helperRecord("c", waiting, { again: true }), false, "by deadline"],
  ["may have run is the record", helperRecord("c", running), false, "by deadline"],
  ["does not say what it is for may be one", undefined, false, "by deadline"],
])("a pod whose time is up and that %s", (_title, record, keep, wanted) => {
  expect(planStop(record, keep)).toBe(wanted);
});

test.each<[string, Partial<RemovalView>, string]>([
  ["that is there is deleted", { now: {}, watched: {} }, "delete"],
  ["that the watch has not shown yet, too", { now: {} }, "delete"],
  ["whose deletion was just asked for is waited for", { now: {}, isAsked: true }, "wait"],
  ["that is being deleted is waited for", { now: { metadata: { deletionTimestamp: "2030" } } }, "wait"],
  ["is forced all the same", { now: { metadata: { deletionTimestamp: "2030" } }, force: true }, "delete"],
  ["is forced once at each look", { now: {}, force: true, isAsked: true }, "wait"],
  ["is waited for until the watch has seen its end", { watched: {} }, "wait"],
  ["is gone when the watch has, too", {}, "gone"],
])("a pod that is removed %s", (_title, view, wanted) => {
  expect(planRemoval({ now: undefined, watched: undefined, force: false, isAsked: false, ...view })).toBe(wanted);
});

describe("a teardown that is taken back", () => {
  const pod = (change: Pod = {}, action = "delete", path = "/p/v"): Pod => ({
    ...change,
    metadata: {
      name: "t",
      uid: "1",
      annotations: { "mooring.dev/helper-volume": "v", "mooring.dev/helper-path": path },
      ...change.metadata,
    },
    spec: { containers: [{ name: "helper-pod", args: ["-a", action] }] },
  });
  const { metadata: { uid: _, ...unanswered } = {} } = pod();

  test.each<[string, Pod, Pod, boolean]>([
    ["that waits is the one", pod(), pod(), true],
    ["that was created without an answer is found by its directory", pod(), { ...pod(), metadata: unanswered }, true],
    ["for another directory is not", pod({}, "delete", "/p/w"), { ...pod(), metadata: unanswered }, false],
    ["that is another pod by now is not", pod({ metadata: { uid: "2" } }), pod(), false],
    ["that makes a directory is not", pod({}, "create"), pod(), false],
    ["that runs is not", pod({ status: { phase: "Running" } }), pod(), false],
    ["that is being deleted is not", pod({ metadata: { deletionTimestamp: "2030" } }), pod(), false],
    ["that is no helper pod is not", { metadata: { uid: "1" } }, pod(), false],
  ])("%s", (_title, now, of, wanted) => {
    expect(isSameUnstarted(now, of)).toBe(wanted);
  });
});
