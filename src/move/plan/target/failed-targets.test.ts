import { expect, test } from "vitest";
import type { VolumeMoveStatus } from "../../../api/kinds/volume-move.ts";
import { moveErrors } from "../../errors.ts";
import { nextRetry, whyGivenUp, withFailure } from "./failed-targets.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const why = moveErrors.DIGESTS_DIFFER({ volume: "pvc-1", node: "node-b" });
const spec = { volumes: [{ name: "pvc-1", mode: "Copy" as const }], from: "node-a", reason: "Drain" as const };
const metadata = { name: "move-1", uid: "u", resourceVersion: "1" };
const moveWith = (status: VolumeMoveStatus) => ({ move: { metadata, spec, status } });
const after = (failures: number): VolumeMoveStatus => {
  let status: VolumeMoveStatus = {};
  for (let n = 0; n < failures; n += 1) status = { failedTargets: [...withFailure(status, "node-b", why, NOW)] };
  return status;
};

test("a target that was given up is not chosen until its pause is over", () => {
  const s = moveWith(after(1));
  expect(whyGivenUp(s, "node-b", NOW + 19_999)).toBe(
    `copying to it failed, and it is tried again at 2030-01-01T00:00:20.000Z: ${why.message}`,
  );
  expect(whyGivenUp(s, "node-b", NOW + 20_000)).toBeUndefined();
  expect(whyGivenUp(s, "node-c", NOW)).toBeUndefined();
});

test("each time it is given up the pause doubles, up to five minutes", () => {
  const pauses = [1, 2, 3, 9].map((failures) => (nextRetry(moveWith(after(failures)), NOW) ?? NOW) - NOW);
  expect(pauses).toEqual([20_000, 40_000, 80_000, 300_000]);
});

test("the next retry is that of the target whose pause ends first", () => {
  const failedTargets = [...withFailure(after(2), "node-c", why, NOW)];
  expect(nextRetry(moveWith({ failedTargets }), NOW)).toBe(NOW + 20_000);
  expect(nextRetry(moveWith({ failedTargets }), NOW + 30_000)).toBe(NOW + 40_000);
  expect(nextRetry(moveWith({}), NOW)).toBeUndefined();
});
