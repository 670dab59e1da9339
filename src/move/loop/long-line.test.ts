import { describe, expect, test } from "vitest";
import type { MovePhase, VolumeMove } from "../../api/kinds/volume-move.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { isFinished } from "../drains/earlier-moves.ts";
import { whyInLine } from "../plan/line.ts";
import type { MoveSnapshot } from "../plan/snapshot.ts";
import { randomSnapshot } from "../plan/testing/random-snapshot.fixture.ts";
import { FakeInformer } from "./testing/fake-informer.fixture.ts";
import { lookAfterChanges, type WakeSources } from "./wake.ts";

const PHASES: readonly MovePhase[] = ["Copying", "Copying", "Prepared", "Fenced", "Sealed", "Committed", "Done"];

interface Drained {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly volumes: number;
}

interface Cost {
  /** Writes of a status that say why the move waits. */
  readonly said: number;
  /** How often a move was looked at. */
  readonly looks: number;
  /** Moves that have not ended although nothing changes any more. */
  readonly stuck: readonly string[];
}

/**
 * Plays all moves to their end. A move is looked at after a change that concerns it. With `often`
 * all moves are looked at again and again. Each write brings a move that has begun to its next
 * phase.
 */
function play(drained: readonly Drained[], often = false): Cost {
  const moves = new FakeInformer<VolumeMove>();
  const none = () => new FakeInformer();
  const queue = new Set<string>();
  const others = { copies: none(), storageNodes: none(), nodes: none(), pods: none(), claims: none() };
  const sources = { ...others, moves, volumes: none(), persistentVolumes: none() } as unknown as WakeSources;
  lookAfterChanges(sources, (name) => queue.add(name));
  const base = randomSnapshot(seededRandom(1));
  const shapes = new Map(drained.map((one) => [one.name, one]));
  const written = new Map<string, number>();
  let said = 0;
  let looks = 0;
  const write = (move: Stored<VolumeMove>, status: VolumeMove["status"]): void => {
    moves.put(nameOf(move), { spec: move.spec, status }, { creationTimestamp: "2030-01-01T00:00:00Z" });
  };
  const look = (name: string): void => {
    const move = moves.store.get(name);
    if (move?.status?.phase !== "Planned") return;
    looks += 1;
    const { from, to = "" } = shapes.get(name) ?? { from: "" };
    const node = (of: string): MoveSnapshot["source"] => ({ ...base.source, name: of });
    const rest = moves.store.list().filter((other) => other !== move && !isFinished(other));
    const why = whyInLine({ ...base, move, others: rest, source: node(from), target: node(to) });
    if (why === undefined) {
      write(move, { phase: "Copying", target: to });
      return;
    }
    if (move.status.message === why.message) return;
    said += 1;
    const condition = {
      type: "Blocked",
      status: "True",
      reason: why.code,
      message: "",
      lastTransitionTime: "",
    } as const;
    write(move, { phase: "Planned", message: why.message, conditions: [condition] });
  };
  for (const { from, name, volumes } of drained) {
    const spec = {
      volumes: Array.from({ length: volumes }, (_, index) => ({ name: `${name}-${String(index)}` })),
      from,
    };
    moves.put(name, { spec, status: { phase: "Planned" } }, { creationTimestamp: "2030-01-01T00:00:00Z" });
  }
  for (;;) {
    for (const name of queue) {
      queue.delete(name);
      look(name);
    }
    const begun = moves.store.list().filter((move) => !isFinished(move) && move.status?.phase !== "Planned");
    if (begun.length === 0) break;
    if (often) for (const move of moves.store.list()) queue.add(nameOf(move));
    for (const move of begun) {
      const step = (written.get(nameOf(move)) ?? 0) + 1;
      written.set(nameOf(move), step);
      write(move, { ...move.status, phase: PHASES[step] ?? "Done" });
    }
  }
  const stuck = moves.store.list().filter((move) => !isFinished(move));
  return { said, looks, stuck: stuck.map((move) => nameOf(move)) };
}

describe("a line", () => {
  test.each([10, 50, 100])("%s volumes leave a node, each at the same cost", (count) => {
    const drained = Array.from({ length: count }, (_, index) => ({
      name: `m-${String(index).padStart(3, "0")}`,
      from: "a",
      to: ["b", "c", "d"][index % 3] ?? "",
      volumes: 1,
    }));
    const { looks, stuck } = play(drained);
    expect(stuck).toEqual([]);
    expect(looks / count).toBeLessThanOrEqual(12);
    expect(play(drained, true).said / count).toBeLessThanOrEqual(6);
  });

  test("every move has its turn after a change, whatever the groups and the nodes are", () => {
    const random = seededRandom(3);
    const pick = <T>(...from: readonly [T, ...T[]]): T => from[Math.floor(random.float() * from.length)] ?? from[0];
    for (let run = 0; run < 60; run += 1) {
      const drained = Array.from({ length: 1 + Math.floor(random.float() * 20) }, (_, index) => ({
        name: `m-${String(Math.floor(random.float() * 1000))}-${String(index)}`,
        from: pick("a", "a", "c"),
        to: pick("b", "d", "e"),
        volumes: pick(1, 1, 2, 3, 7),
      }));
      expect(play(drained).stuck).toEqual([]);
    }
  });
});
