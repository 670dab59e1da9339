import { expect, test } from "vitest";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Stored } from "../../kube/objects.ts";
import { progressOf } from "./progress.ts";

const volume = (activeMove?: string): Stored<LocalVolume> =>
  ({
    metadata: { name: "v", uid: "v", resourceVersion: "1" },
    spec: { nodeName: "a", ...(activeMove === undefined ? {} : { activeMove: { name: activeMove, uid: activeMove } }) },
  }) as Stored<LocalVolume>;
const move = (name: string, status: VolumeMove["status"], of = "v"): Stored<VolumeMove> =>
  ({
    metadata: { name, uid: name, resourceVersion: "1" },
    spec: { from: "a", reason: "Drain", volumes: [{ name: of, mode: "Copy" }] },
    status,
  }) as Stored<VolumeMove>;

test("the move that holds the volume says what it does", () => {
  const moves = [move("waits", { phase: "Planned", message: "Waiting." }), move("m", { message: "Copying." })];
  expect(progressOf(volume("m"), moves)).toBe("Copying");
});
test("a move that waits and holds nothing says why", () => {
  const moves = [move("other", { phase: "Planned", message: "Other." }, "w"), move("m", { message: "No node fits." })];
  expect(progressOf(volume(), moves)).toBe("No node fits");
});
test("a move that has ended says nothing", () => {
  const moves = [move("a", { phase: "Done", message: "Done." }), move("b", { phase: "Cancelled", message: "No." })];
  expect(progressOf(volume(), moves)).toBeUndefined();
});
test("after a move that was undone it is said why, and when the next one begins", () => {
  const finishedAt = "2030-01-01T00:00:00.000Z";
  const undone = move("m", { phase: "Cancelled", finishedAt, message: "Cancelled. The disk has failed." });
  const said = "Cancelled. The disk has failed; the next move begins after 2030-01-01T00:00:05.000Z";
  expect(progressOf(volume(), [undone])).toBe(said);
  expect(progressOf(volume(), [undone, move("n", { phase: "Planned", message: "Planning." })])).toBe("Planning");
});
