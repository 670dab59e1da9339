import { expect, test } from "vitest";
import type { CopyState } from "../../../api/kinds/volume-copy.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import { timeOf, TRASH_PATIENCE_MS } from "../timing.ts";
import { planCommitted } from "./committed.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");

interface Given {
  /** Of the copy on the source. @default Sealed, as on a disk that has failed */
  readonly state?: CopyState;
  /** Milliseconds since the commit. @default long ago */
  readonly since?: number;
  /** Milliseconds since the source's agent was seen last. @default it is there */
  readonly seen?: number;
  /** Whether the move still holds the volume. @default no */
  readonly held?: boolean;
  /** Whether the copies were read uncached. @default yes */
  readonly fresh?: boolean;
}

/** A volume that has its new node; its copy there is open if the move has let go of it. */
function snapshot({ fresh = true, held = false, seen = 0, since = TRASH_PATIENCE_MS, state = "Sealed" }: Given) {
  const copy = { directory: "3", epoch: 3, incarnation: "i", poolUUID: "p", state };
  return {
    move: {
      metadata: { name: "m", uid: "m" },
      spec: { volumes: [{ name: "v" }], from: "a" },
      status: {
        phase: "Committed",
        target: "b",
        committedAt: timeOf(NOW - since),
        volumes: [{ name: "v", epoch: 3, incarnation: "i" }],
      },
    },
    fresh: new Set(fresh ? ["move", "volumes", "copies"] : ["move", "volumes"]),
    volumes: [
      {
        name: "v",
        volume: {
          spec: {
            nodeName: "b",
            epoch: 4,
            incarnation: "i",
            reclaim: false,
            ...(held ? { activeMove: { name: "m", uid: "m" } } : {}),
          },
        },
        sourceCopy: { status: { copies: [copy] } },
      },
    ],
    source: { name: "a", exists: true, storage: { status: { renewedAt: timeOf(NOW - seen) } } },
    target: { name: "b", exists: true },
  } as unknown as MoveSnapshot;
}

const MOVED = "The volumes are on node b.";
const LATE = `${MOVED} Node a has not put its old copy of v into the trash yet. Check its disk. Its agent tries again by itself.`;

test.each<[string, Given, object]>([
  [
    "is Done when the old copy is in the trash",
    { state: "Trash", since: 0 },
    { status: { phase: "Done", message: MOVED } },
  ],
  ["is Done when the source is silent", { since: 0, seen: 100_000 }, { status: { phase: "Done", message: MOVED } }],
  [
    "waits for the trash for a few minutes",
    { since: TRASH_PATIENCE_MS - 1 },
    {
      status: {
        phase: "Committed",
        message: expect.stringMatching(/into the trash\. .*cannot be cancelled/) as string,
      },
    },
  ],
  ["is Done after that, and says what remains", {}, { status: { phase: "Done", message: LATE } }],
  ["is not Done after that on cached copies", { fresh: false }, { step: "read", parts: ["copies"] }],
  [
    "waits until the target has opened its copy, however long that takes",
    { held: true },
    { status: { phase: "Committed", message: expect.stringMatching(/to open its copy of v/) as string } },
  ],
])("a committed move %s", (_title, given, step) => {
  expect(planCommitted(snapshot(given), NOW)).toMatchObject(step);
});

test.each<[string, Given, number]>([
  ["its patience ends", { since: TRASH_PATIENCE_MS - 10_000 }, 10_000],
  ["the source's agent counts as silent", { since: 60_000 }, 90_001],
])("a committed move that waits for the trash looks again when %s", (_title, given, after) => {
  const s = snapshot(given);
  const { status } = planCommitted(s, NOW) as unknown as { status: object };
  const told = { ...s, move: { ...s.move, status } } as MoveSnapshot;
  expect(planCommitted(told, NOW)).toEqual({ step: "wait", until: NOW + after });
});
