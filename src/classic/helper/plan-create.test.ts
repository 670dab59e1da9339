import { describe, expect, test } from "vitest";
import { mayBeMade, planCreate, type CreateView, type Taken } from "./plan-create.ts";
import type { HelperRecord, HelperState } from "./pods/record.ts";
import { helperRecord as record, STATES } from "../testing/helper-record.fixture.ts";

const { deleted, failed, failedDeleted, running, stopped, succeeded, succeededDeleted, unplaced, waiting } = STATES;

const A = "create-v";
const B = "create-v-again";
const taken = (podName: string, state: HelperState, change: Partial<HelperRecord> = {}): Taken => ({
  pod: { metadata: { name: podName } },
  record: record(podName, state, change),
});
const view = (there: readonly Taken[], change: Partial<CreateView> = {}): CreateView => ({
  wanted: record(A, waiting),
  shared: false,
  names: [A, B],
  there,
  ...change,
});
/** The step, with the name of the pod that it is about: `create B after A`. */
function step(there: readonly Taken[], change: Partial<CreateView> = {}): string {
  const plan = planCreate(view(there, change));
  switch (plan.step) {
    case "refuse":
      return `refuse ${plan.podName}`;
    case "create":
      return `create ${plan.name}${plan.after === undefined ? "" : ` after ${plan.after.record.podName}`}`;
    case "take-over":
      return [`take over ${plan.helper.record.podName}`, ...plan.before.map((one) => one.record.podName)].join(
        ", not ",
      );
    case "await-end":
    case "await-deletion":
    case "delete":
      return `${plan.step} ${plan.helper.record.podName}`;
  }
}

describe("a create pod", () => {
  test.each<[string, readonly Taken[], string]>([
    ["nothing is there", [], `create ${A}`],
    ["one waits", [taken(A, waiting)], `take over ${A}`],
    ["one runs under the other name", [taken(B, running)], `take over ${B}`],
    ["one has succeeded", [taken(A, succeeded)], `take over ${A}`],
    ["one has succeeded beside one at work", [taken(A, running), taken(B, succeeded)], `take over ${B}`],
    ["one has failed", [taken(A, failed)], `create ${B} after ${A}`],
    ["the second has failed", [taken(B, failed)], `create ${A} after ${B}`],
    ["both have failed", [taken(A, failed), taken(B, failed)], `delete ${A}`],
    ["one has failed and somebody's finalizer keeps it", [taken(A, failedDeleted)], `create ${B} after ${A}`],
    ["both have failed, and one is kept", [taken(A, failedDeleted), taken(B, failed)], `delete ${B}`],
    ["one has succeeded and is deleted", [taken(A, succeededDeleted)], `create ${B} after ${A}`],
    ["the deadline of one has passed", [taken(A, stopped)], `await-end ${A}`],
    ["the same, on no node", [taken(A, unplaced, { node: "" })], `refuse ${A}`],
    ["one is being deleted", [taken(A, deleted)], `await-deletion ${A}`],
    ["one is being deleted beside a failed one", [taken(A, failed), taken(B, deleted)], `await-deletion ${B}`],
    ["the name is another volume's", [taken(A, running, { volumeName: "w" })], `refuse ${A}`],
    ["it is for another directory", [taken(A, succeeded, { path: "/q" })], `refuse ${A}`],
    ["it is on another node", [taken(A, succeeded, { node: "m" })], `refuse ${A}`],
    ["it is another provisioner's", [taken(A, succeeded, { provisioner: "q" })], `refuse ${A}`],
    ["it is the original's, which does not say", [taken(A, running, { provisioner: undefined })], `take over ${A}`],
    ["the name is no helper's", [{ pod: { metadata: { name: A } }, record: undefined }], `refuse ${A}`],
    ["only the second name is another's", [taken(B, running, { node: "m" })], `create ${A}`],
    ["and the first has failed", [taken(A, failed), taken(B, running, { node: "m" })], `refuse ${B}`],
  ])("%s", (_title, there, wanted) => {
    expect(step(there)).toBe(wanted);
  });

  test("one on no node whose deadline has passed makes way on a shared file system", () => {
    expect(step([taken(A, unplaced, { node: "" })], { shared: true })).toBe(`create ${B} after ${A}`);
  });

  test("one that says it is not the first is taken over, and the one before it goes", () => {
    expect(step([taken(A, failed), taken(B, running, { again: true })])).toBe(`take over ${B}, not ${A}`);
    expect(step([taken(A, failed), taken(B, running)])).toBe(`take over ${B}`);
  });
});

describe("a delete pod", () => {
  const only = { names: [A], wanted: record(A, waiting, { action: "delete" }) } as const;
  const of = (state: HelperState): readonly Taken[] => [taken(A, state, { action: "delete" })];
  test.each<[string, HelperState, string]>([
    ["at work", running, `take over ${A}`],
    ["that has succeeded says nothing about now", succeeded, `delete ${A}`],
    ["that has failed", failed, `delete ${A}`],
    ["that is being deleted", deleted, `await-deletion ${A}`],
    ["that has ended and is being deleted", failedDeleted, `await-deletion ${A}`],
  ])("%s", (_title, state, wanted) => {
    expect(step(of(state), only)).toBe(wanted);
  });

  // A template's name may be so long that nothing of the action is in the pod's.
  test.each([running, succeeded, failed])("does not count a create pod of the same name as its own: %j", (state) => {
    expect(step([taken(A, state)], only)).toBe(`refuse ${A}`);
  });
});

test("what may have made something: a container that may have run, or one before it", () => {
  const made = (state: HelperState, change: Partial<HelperRecord> = {}): boolean =>
    mayBeMade(view([taken(A, state, change)]));
  expect([waiting, running, stopped, deleted, failed, succeeded].map((state) => made(state))).toEqual([
    false,
    true,
    true,
    true,
    true,
    true,
  ]);
  expect(made(waiting, { again: true })).toBe(true);
  expect(made(failed, { path: "/q" })).toBe(false);
});
