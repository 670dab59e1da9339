import { expect, test } from "vitest";
import type { Pod } from "../../kube/kinds.ts";
import { type MakeStep, type MakeView, planMake } from "./plan-make.ts";

const pod: Pod = { metadata: { name: "c" } };
const nothing: MakeView = {
  next: { made: undefined, running: undefined },
  removed: undefined,
  atWork: undefined,
};
const made = { made: pod, running: undefined };
const running = { made: undefined, running: pod };

test.each<[string, Partial<MakeView>, MakeStep]>([
  ["is created where nothing is", {}, { step: "create", running: undefined }],
  ["goes on with a pod that runs", { next: running }, { step: "create", running: pod }],
  ["is taken over from a pod that has succeeded", { next: made }, { step: "take-over", made: pod }],
  ["waits for another's script", { atWork: "b" }, { step: "wait-for-other", other: "b" }],
  ["waits for it, although it is made", { next: made, atWork: "b" }, { step: "wait-for-other", other: "b" }],
  ["does not outlive a removal", { next: made, removed: "r" }, { step: "make-again-later", other: "r" }],
  ["a removal counts first", { removed: "r", atWork: "b" }, { step: "make-again-later", other: "r" }],
])("a volume: %s", (_title, change, step) => {
  expect(planMake({ ...nothing, ...change })).toEqual(step);
});
