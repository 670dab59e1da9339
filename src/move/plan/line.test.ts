import { describe, expect, test } from "vitest";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { whyInLine } from "./line.ts";
import type { MoveSnapshot } from "./snapshot.ts";
import type { Stored } from "./stored.ts";
import { randomSnapshot } from "./testing/random-snapshot.fixture.ts";

interface Shape {
  readonly volumes?: number;
  readonly from?: string;
  readonly to?: string;
  readonly phase?: NonNullable<VolumeMove["status"]>["phase"];
  readonly blocked?: string;
  readonly made?: string;
}

function move(name: string, shape: Shape = {}): Stored<VolumeMove> {
  const { blocked, from = "a", made = "2030-01-01T00:00:00Z", phase, to, volumes = 1 } = shape;
  const condition = (reason: string) => ({
    type: "Blocked",
    status: "True" as const,
    reason,
    message: "",
    lastTransitionTime: made,
  });
  return {
    metadata: { name, uid: name, resourceVersion: "1", creationTimestamp: made },
    spec: {
      volumes: Array.from({ length: volumes }, (_, index) => ({ name: `${name}-${String(index)}`, mode: "Copy" })),
      from,
      reason: "Drain",
    },
    status: {
      ...(phase === undefined ? {} : { phase }),
      ...(to === undefined ? {} : { target: to }),
      ...(blocked === undefined ? {} : { conditions: [condition(blocked)] }),
    },
  };
}

/** Why a move from a to b waits for these. */
function why(mine: Stored<VolumeMove>, ...others: readonly Stored<VolumeMove>[]): string | undefined {
  const base = randomSnapshot(seededRandom(1));
  const node = (name: string): MoveSnapshot["source"] => ({ ...base.source, name });
  return whyInLine({ ...base, move: mine, others, source: node("a"), target: node("b") })?.message;
}

const moving = (name: string, shape: Shape = {}) => move(name, { phase: "Copying", to: "b", ...shape });
const later = { phase: "Planned", made: "2030-01-01T00:00:05Z" } as const;

describe("two volumes per node", () => {
  test("the second goes, the third waits and says for whom", () => {
    expect(why(move("m", later), moving("x"))).toBeUndefined();
    expect(why(move("m", later), moving("x"), moving("y"))).toMatch(/2 volumes move at once on node a.*x, y/);
  });
  test("what arrives counts as well as what leaves", () => {
    const arriving = { from: "c", to: "b" };
    expect(why(move("m", later), moving("x", arriving), moving("y", arriving))).toMatch(/on node b/);
  });
  test("a place is free again at the commit", () => {
    expect(why(move("m", later), moving("x"), moving("y", { phase: "Committed" }))).toBeUndefined();
  });
  test("volumes of one move count each", () => {
    expect(why(move("m", later), moving("x", { volumes: 2 }))).toMatch(/on node a/);
    expect(why(move("m", { ...later, volumes: 2 }), moving("x"))).toMatch(/on node a/);
  });
});

test("four volumes in the cluster", () => {
  const elsewhere = (name: string, from: string, to: string) => moving(name, { from, to, volumes: 2 });
  expect(why(move("m", later), elsewhere("x", "c", "d"))).toBeUndefined();
  expect(why(move("m", later), elsewhere("x", "c", "d"), elsewhere("y", "e", "f"))).toMatch(/4 .* in the cluster/);
});

describe("the line", () => {
  const waits = { phase: "Planned", blocked: "MOVE_IN_LINE" } as const;
  test("who came first goes first", () => {
    expect(why(move("m", later), move("x", waits), move("y", waits))).toMatch(/x, y/);
    expect(why(move("m"), move("x", { ...waits, ...later }), move("y", { ...waits, ...later }))).toBeUndefined();
  });
  test("a move that a budget held up comes into the line again", () => {
    expect(why(move("m", later), move("x", { ...waits, phase: "Prepared", volumes: 2 }))).toMatch(/x/);
  });
  test("of the same second, the name decides", () => {
    expect(why(move("m"), move("k"), move("l"))).toMatch(/k, l/);
    expect(why(move("j"), move("k"), move("l"))).toBeUndefined();
  });
  test.each<[string, Shape]>([
    ["no node can take", { phase: "Planned", blocked: "MOVE_NO_TARGET" }],
    ["a disruption budget holds", { phase: "Prepared", to: "b", blocked: "MOVE_EVICTION_HELD" }],
  ])("what %s holds up nobody", (_title, shape) => {
    expect(why(move("m", later), move("x", { ...shape, volumes: 2 }))).toBeUndefined();
  });
});

test("a move larger than the limit goes when nothing else is on its nodes", () => {
  const large = { ...later, volumes: 6 };
  expect(why(move("m", large), moving("x"))).toMatch(/on node a/);
  expect(why(move("m", large), moving("x", { from: "c", to: "d", volumes: 2 }))).toBeUndefined();
});
