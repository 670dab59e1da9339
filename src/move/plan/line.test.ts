import { describe, expect, test } from "vitest";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { freesPlaces, nextInLine, waitsInLine, whyInLine } from "./line.ts";
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
  test("a fenced move keeps its places, whatever holds it up", () => {
    const fenced = { phase: "Fenced", to: "b", blocked: "MOVE_EVICTION_HELD", volumes: 2 } as const;
    expect(why(move("m", later), move("x", fenced))).toMatch(/x/);
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

describe("a long line", () => {
  const waiting = Array.from({ length: 98 }, (_, index) =>
    move(`w-${String(index).padStart(2, "0")}`, { phase: "Planned", blocked: "MOVE_IN_LINE" }),
  );
  const holding = [moving("x"), moving("y")];
  const before = (last: Stored<VolumeMove>) => waiting.filter((one) => one.metadata.name < last.metadata.name);

  test("gives the same message to all moves far from its front, whichever moves have the places", () => {
    const others = [moving("z"), moving("u")];
    const said = waiting
      .slice(4)
      .flatMap((one) => [
        why(one, ...holding, ...before(one)),
        why(one, ...others, ...before(one)),
        why(one, moving("v"), ...before(one)),
      ]);
    expect(new Set(said)).toEqual(
      new Set(["at most 2 volumes move at once on node a, and more than 4 moves are first"]),
    );
  });
  test("is named in the messages of the moves at its front", () => {
    const said = waiting.slice(0, 4).map((one) => why(one, ...holding, ...before(one)));
    expect(said.map((text) => text?.replace(/^.*, and /, ""))).toEqual([
      "these moves are first: x, y",
      "these moves are first: w-00, x, y",
      "these moves are first: w-00, w-01, x, y",
      "more than 4 moves are first",
    ]);
  });
  test("wakes its first moves on each node", () => {
    const elsewhere = move("e", { from: "c", phase: "Planned", blocked: "MOVE_IN_LINE", made: "2030-01-01T00:00:09Z" });
    const next = nextInLine([...waiting.toReversed(), ...holding, elsewhere]).map(({ metadata }) => metadata.name);
    expect(next.toSorted()).toEqual(["e", "w-00", "w-01", "w-02", "w-03"]);
  });
  test("wakes every move that can begin", () => {
    const random = seededRandom(7);
    const pick = <T>(...from: readonly [T, ...T[]]): T => from[Math.floor(random.float() * from.length)] ?? from[0];
    let begin = 0;
    for (let run = 0; run < 3000; run += 1) {
      const all = Array.from({ length: 12 }, (_, index) =>
        move(`m-${String(index)}`, {
          from: pick("a", "c"),
          volumes: pick(1, 1, 2, 5),
          made: `2030-01-01T00:00:0${pick("1", "2")}Z`,
          ...pick<Shape>(
            { phase: "Planned", blocked: "MOVE_IN_LINE" },
            { phase: "Planned", blocked: "MOVE_IN_LINE" },
            { phase: "Planned", blocked: "MOVE_NO_TARGET" },
            { phase: "Prepared", to: "b", blocked: "MOVE_IN_LINE" },
            { phase: "Copying", to: pick("b", "d") },
            { phase: "Committed", to: "b" },
            { phase: "Done", to: "b" },
          ),
        }),
      );
      const next = new Set(nextInLine(all));
      const can = all.filter((one) => one.status?.conditions?.[0]?.reason === "MOVE_IN_LINE" && one.spec.from === "a");
      for (const one of can.filter((mine) => why(mine, ...all.filter((other) => other !== mine)) === undefined)) {
        begin += 1;
        expect(next.has(one)).toBe(true);
      }
    }
    expect(begin).toBeGreaterThan(100);
  });
});

describe("a place is free again when a move", () => {
  const inLine = { phase: "Planned", blocked: "MOVE_IN_LINE" } as const;
  test.each<[string, Shape, Shape | undefined]>([
    ["commits", { phase: "Sealed", to: "b" }, { phase: "Committed", to: "b" }],
    ["is undone", { phase: "Copying", to: "b" }, { phase: "Undoing", to: "b" }],
    [
      "is held up by a budget",
      { phase: "Prepared", to: "b" },
      { phase: "Prepared", to: "b", blocked: "MOVE_EVICTION_HELD" },
    ],
    ["finds no node any more", inLine, { phase: "Planned", blocked: "MOVE_NO_TARGET" }],
    ["loses its target, and waits", { phase: "Copying", to: "b" }, inLine],
    ["is removed", { phase: "Copying", to: "b" }, undefined],
    ["is removed while it waits", inLine, undefined],
  ])("%s", (_title, before, after) => {
    expect(freesPlaces(move("m", before), after === undefined ? undefined : move("m", after))).toBe(true);
  });
  test.each<[string, Shape | undefined, Shape]>([
    ["is made", undefined, {}],
    ["waits", { phase: "Planned" }, inLine],
    ["begins", inLine, { phase: "Copying", to: "b" }],
    ["makes progress", { phase: "Copying", to: "b" }, { phase: "Copying", to: "b" }],
    ["goes on", { phase: "Copying", to: "b" }, { phase: "Prepared", to: "b" }],
    [
      "is held up by a budget when it is fenced",
      { phase: "Fenced", to: "b" },
      { phase: "Fenced", to: "b", blocked: "MOVE_EVICTION_HELD" },
    ],
    ["ends after its commit", { phase: "Committed", to: "b" }, { phase: "Done", to: "b" }],
    ["finds a node", { phase: "Planned", blocked: "MOVE_NO_TARGET" }, inLine],
  ])("and not when it %s", (_title, before, after) => {
    expect(freesPlaces(before === undefined ? undefined : move("m", before), move("m", after))).toBe(false);
  });
  test("and when a move in line is deleted by a person", () => {
    const before = move("m", inLine);
    const { metadata } = before;
    expect(
      freesPlaces(before, { ...before, metadata: { ...metadata, deletionTimestamp: "2030-01-01T00:00:09Z" } }),
    ).toBe(true);
  });
});

test("only a move that has not begun waits in line", () => {
  const waits = (shape: Shape) => waitsInLine(move("m", shape));
  expect(waits({ phase: "Planned", blocked: "MOVE_IN_LINE" })).toBe(true);
  expect(waits({ phase: "Planned" })).toBe(false);
  expect(waits({ phase: "Planned", blocked: "MOVE_NO_TARGET" })).toBe(false);
  expect(waits({ phase: "Prepared", to: "b", blocked: "MOVE_IN_LINE" })).toBe(false);
});
