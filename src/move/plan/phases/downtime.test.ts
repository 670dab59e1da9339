import { expect, test } from "vitest";
import { seededRandom } from "../../../kube/testing/seeded-random.fixture.ts";
import { planMove } from "../plan-move.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import { NOW, randomSnapshot } from "../testing/random-snapshot.fixture.ts";
import { timeOf } from "../timing.ts";

const DRAWS = 20_000;

type Status = NonNullable<MoveSnapshot["move"]["status"]>;

const random = seededRandom(7);
const snapshots = Array.from({ length: DRAWS }, () => randomSnapshot(random));

/** The drawn snapshots that lead to a new status, each with that status. */
const drawn: readonly (readonly [MoveSnapshot, Status])[] = snapshots.flatMap((s) => {
  const step = planMove(s, NOW);
  return step.step === "set-status" ? [[s, step.status] as const] : [];
});

test("the downtime begins when the slowest volume of the group was closed, as its agent measured", () => {
  const found = new Set<number>();
  for (const [s, status] of drawn) {
    if (s.move.status?.phase !== "Fenced" || status.phase !== "Sealed") continue;
    const took = Math.max(...s.volumes.map(({ sourceCopy }) => sourceCopy?.status?.move?.sealMs ?? 0));
    found.add(took);
    expect(status.closedAt).toBe(timeOf(NOW - took));
    expect(status.sealedAt).toBe(timeOf(NOW));
  }
  expect(found).toEqual(new Set([0, 200, 1500]));
});

test("our part is from there to the last new place, the rest the kubelets'", () => {
  let found = 0;
  for (const [s, { downtime, phase }] of drawn) {
    const { closedAt, downtime: before } = s.move.status ?? {};
    if (phase !== "Done" || downtime === undefined || before !== undefined || closedAt === undefined) continue;
    const places = s.volumes.flatMap(({ volume }) => (volume === undefined ? [] : [volume.status?.movedAt]));
    if (places.length === 0 || places.includes(undefined)) continue;
    found += 1;
    const moved = Math.max(...places.map((time) => Date.parse(time ?? "")), Date.parse(closedAt));
    expect(downtime).toEqual({
      ours: `${((moved - Date.parse(closedAt)) / 1000).toFixed(1)}s`,
      kubelets: `${((NOW - moved) / 1000).toFixed(1)}s`,
    });
  }
  expect(found).toBeGreaterThan(0);
});

/** What is done with a volume that is to get its new node. */
function placing(s: MoveSnapshot): string {
  const step = planMove(s, NOW);
  return step.step === "change-volume" ? step.change : step.step;
}

/** The same move, whose volumes have moved so long ago, and which was fenced so long ago. */
function movedBefore(s: MoveSnapshot, movedMs: number, fencedMs: number): MoveSnapshot {
  const status = { movedAt: timeOf(NOW - movedMs) };
  const volumes = s.volumes.map((view) =>
    view.volume === undefined ? view : { ...view, volume: { ...view.volume, status } },
  );
  return { ...s, volumes, move: { ...s.move, status: { ...s.move.status, fencedAt: timeOf(NOW - fencedMs) } } };
}

test.each([
  ["this move has just written", 1000, 2000, "place"],
  ["the move before has written, a few seconds ago", 3000, 2000, "set-moved-at"],
  ["this move has written long ago", 20_000, 30_000, "set-moved-at"],
  ["cannot be told apart, by a clock that is behind", 1000, -2000, "place"],
])("a time of the new place that %s", (_what, movedMs, fencedMs, step) => {
  const all = snapshots.filter((s) => placing(s) === "place");
  expect(all.length).toBeGreaterThan(0);
  expect(new Set(all.map((s) => placing(movedBefore(s, movedMs, fencedMs))))).toEqual(new Set([step]));
});
