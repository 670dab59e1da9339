import { expect, test } from "vitest";
import type { MovePhase } from "../../api/kinds/volume-move.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { moveErrors } from "../errors.ts";
import type { MoveSnapshot } from "./snapshot.ts";
import { enter, longDowntime, undo } from "./status.ts";
import type { MoveStep } from "./step.ts";
import { NOW, randomSnapshot } from "./testing/random-snapshot.fixture.ts";

const long = moveErrors.LONG_DOWNTIME({ volume: "v", seconds: 95, allowed: "60s", read: "1 GiB", send: "2 MiB" });
const drawn = randomSnapshot(seededRandom(1));
const after = (step: MoveStep): MoveSnapshot => {
  if (step.step !== "set-status") throw new Error("no write");
  return { ...drawn, move: { ...drawn.move, status: step.status } };
};
const warned = after(enter(drawn, "Prepared", { message: "Ready." }, { long, now: NOW }));

test.each<[MovePhase, boolean]>([
  ["Prepared", true],
  ["Fenced", true],
  ["Sealed", true],
  ["Planned", false],
  ["Copying", false],
  ["Committed", false],
])("the condition LongDowntime in %s: %s", (phase, stays) => {
  expect(longDowntime(after(enter(warned, phase, { message: "On." })).move.status) !== undefined).toBe(stays);
});

test("a move that is undone has no such condition any more", () => {
  const why = moveErrors.MOVE_DELETED({ move: "m" });
  expect(longDowntime(after(undo(warned, NOW, why)).move.status)).toBeUndefined();
});
