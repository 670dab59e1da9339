import { expect, test } from "vitest";
import { planTimeout } from "./plan-timeout.ts";
import type { HelperRecord, HelperState } from "./pods/record.ts";
import { helperRecord, STATES } from "../testing/helper-record.fixture.ts";

const { deleted, failed, running, succeeded, succeededDeleted, unbegunDeleted, waiting } = STATES;
const record = (state: HelperState, change?: Partial<HelperRecord>): HelperRecord =>
  helperRecord("create-v", state, change);

const TEARDOWN = { action: "delete" } as const;
const ANOTHER = { volumeName: "w" };

test.each<[string, HelperState | undefined, { known?: boolean } & Partial<HelperRecord>, string]>([
  ["is gone", undefined, {}, "pass-over, lost"],
  ["is for another volume", running, ANOTHER, "pass-over, lost"],
  ["has not begun", waiting, {}, "end"],
  ["is at work", running, {}, "print-and-end, lost"],
  ["was deleted while it was at work", deleted, {}, "pass-over, lost"],
  ["was deleted before it began", unbegunDeleted, {}, "pass-over"],
  ["has succeeded", succeeded, {}, "succeeded, lost"],
  ["has succeeded and was deleted", succeededDeleted, {}, "pass-over, lost"],
  ["has succeeded, and was never seen before", succeeded, { known: false }, "succeeded, lost"],
  ["has failed", failed, {}, "failed, lost"],
  ["has failed, and was never seen before", failed, { known: false }, "pass-over, lost"],
  ["is a teardown that has succeeded", succeeded, TEARDOWN, "succeeded, lost"],
  [
    "is a teardown that has succeeded, and was never seen before",
    succeeded,
    { ...TEARDOWN, known: false },
    "print-and-end, lost",
  ],
])("a pod whose time is up and which %s", (_, state, { known = true, ...change }, expected) => {
  const wanted = record(waiting, { ...change, volumeName: "v" });
  const found = state === undefined ? undefined : record(state, change);
  const { lost, step } = planTimeout({ wanted, shared: false, found, known });
  expect(lost ? `${step}, lost` : step).toBe(expected);
});

test("no pod counts as ours if it is not known what is wanted", () => {
  const step = planTimeout({ wanted: undefined, shared: false, found: record(succeeded), known: true });
  expect(step).toEqual({ step: "pass-over", lost: true });
});
