import { describe, expect, test } from "vitest";
import { movePhase, type MovePhase } from "../../api/kinds/volume-move.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { planMove } from "./plan-move.ts";
import { blockedBy } from "./status.ts";
import { NOW, randomSnapshot } from "./testing/random-snapshot.fixture.ts";

/** How each phase's message must end: the command that ends it, or that nothing does. */
const ENDS: Readonly<Record<MovePhase, RegExp>> = {
  Planned: /kubectl (uncordon a|delete volumemove m)$/,
  Copying: /kubectl (uncordon a|delete volumemove m)$/,
  Prepared: /kubectl (uncordon a|delete volumemove m)$/,
  Fenced: /kubectl delete volumemove m$/,
  Sealed: /kubectl delete volumemove m$/,
  Committed: /The move cannot be cancelled any more\. It continues by itself\.$/,
  Undoing: /ends by itself\./,
  Done: /^The volumes are on node b?\.( Node a has not put its old copy of \w+ into the trash yet\. .*)?$/,
  Cancelled: /^Cancelled\. ./,
};

/** What may hold a move up. The condition says what is wrong (message) and what to do (advice). */
const WAITS = [
  "MOVE_EVICTION_FAILED",
  "MOVE_EVICTION_HELD",
  "MOVE_FENCE_GONE",
  "MOVE_GROUP_APART",
  "MOVE_GROUP_INCOMPLETE",
  "MOVE_GROUPS_SEVERAL",
  "MOVE_IN_LINE",
  "MOVE_NOT_ASKED",
  "MOVE_NO_TARGET",
  "MOVE_POD_UNMOVABLE",
  "MOVE_SOURCE_SILENT",
  "MOVE_TARGET_UNFIT",
  "MOVE_TOMBSTONE_UNKNOWN",
  "MOVE_VOLUME_HELD",
];

/** The first 3,200 meet each reason to wait. */
const DRAWS = 20_000;

const said = (() => {
  const random = seededRandom(2);
  return Array.from({ length: DRAWS }, () => planMove(randomSnapshot(random), NOW)).flatMap((step) =>
    step.step === "set-status" ? [step.status] : [],
  );
})();

describe("each phase says what ends it", () => {
  test.each(movePhase.options)("%s", (phase) => {
    const messages = new Set(said.filter((status) => status.phase === phase).map(({ message }) => message ?? ""));
    expect(messages.size).toBeGreaterThan(0);
    for (const message of messages) {
      if (message !== "before") expect(message).toMatch(ENDS[phase]);
    }
  });
});

test("what may hold a move up is known, and each says what to do", () => {
  const seen = said.flatMap((status) => blockedBy(status) ?? []);
  expect([...new Set(seen.map(({ reason }) => reason))].toSorted()).toEqual(WAITS.toSorted());
  for (const { message } of seen) expect(message).toMatch(/^\S.+\. \S.+\.$/s);
});

test("a move that is held up names the same reason in its message", () => {
  const held = said.filter((status) => blockedBy(status) !== undefined);
  for (const status of held) {
    const [why = ""] = (blockedBy(status)?.message ?? "").split(". ");
    expect(status.message).toContain(why.replace(/\.$/, ""));
  }
});
