import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { systemRandom } from "../../../effects/node/random.ts";
import { manualClock, settle } from "../../../effects/testing/manual-clock.fixture.ts";
import { silentLog } from "../../../observe/log.ts";
import type { CopyEngine } from "../../transfer/engine.ts";
import type { SourceMemory } from "../../transfer/passes/source-memory.ts";
import { Jobs } from "./jobs.ts";
import type { TransferRequest } from "../transfer-request.ts";
import type { VolumeView } from "../view.ts";

const ASKED = { volume: "pvc-1", epoch: 1, incarnation: "i", move: "m", moveUID: "u", sealing: 0 };

describe("the next move of a volume", () => {
  const HOUR_MS = 3_600_000;
  interface Step {
    readonly kind: "copy" | "precopy" | "send" | "summarize";
    readonly move?: string;
    readonly incarnation?: string;
  }

  /** A node on which moves follow each other. Each live pass that is brought ends well. */
  function node() {
    const clock = manualClock();
    const asked: TransferRequest[] = [];
    const memories: (SourceMemory | undefined)[] = [];
    const summary = { hash: "h", bytes: 0, files: 0 };
    const engine = {
      receive: (...[, , , , { memory, pass } = {}]: Parameters<CopyEngine["receive"]>) => {
        memory?.begin(pass).end();
        return Promise.resolve(summary);
      },
      send: (...[, , , { memory } = {}]: Parameters<CopyEngine["send"]>) => {
        memories.push(memory);
        return Promise.resolve(summary);
      },
      summarize: (...[, , memory]: Parameters<CopyEngine["summarize"]>) => {
        memories.push(memory);
        return Promise.resolve(summary);
      },
    };
    const jobs = new Jobs({
      clock,
      random: systemRandom(),
      log: silentLog,
      engine: engine as unknown as CopyEngine,
      openDirectory: () => Promise.resolve({ fd: 0, lock: () => true, close: () => Promise.resolve() }),
      request: (_node, request) => {
        asked.push(request);
        return Promise.resolve(new Duplex());
      },
      bandwidthOf: () => undefined,
    });
    const incoming = { path: "/", begin: () => Promise.resolve(), arrived: () => Promise.resolve() };
    const run = async ({ incarnation = "i", kind, move = "u" }: Step): Promise<void> => {
      const view = {
        volume: "pvc-1",
        localVolume: { spec: { epoch: 1, incarnation, policies: { maxDowntime: "60s" } } },
        move: { metadata: { name: "m", uid: move }, spec: { from: "node-a" } },
      } as unknown as VolumeView;
      const wanted = { epoch: 2, incarnation };
      await jobs.table.endOthers("pvc-1", undefined);
      const told = (): void => undefined;
      if (kind === "send") {
        await jobs.source.send({ ...ASKED, moveUID: move, incarnation, pass: "p" }, "/", new Duplex());
      } else if (kind === "summarize") jobs.source.summarize("pvc-1", move, "/", told, view);
      else jobs.target[kind](view, move, incoming, wanted, told, told);
      await settle();
    };
    return { asked, clock, jobs, memories, run };
  }

  /** Whether the last pass was asked to continue an earlier one, after such steps on one node. */
  async function continues(before: readonly Step[], next: Step, afterMs = 1000): Promise<boolean> {
    const { asked, clock, jobs, run } = node();
    for (const step of before) await run(step);
    jobs.memories.unheld("pvc-1");
    await clock.advance(afterMs);
    jobs.memories.forgetOld();
    await run(next);
    return asked.at(-1)?.base !== undefined;
  }

  const LIVE: Step = { kind: "precopy" };
  const NEXT: Step = { kind: "precopy", move: "v" };

  it("continues the live passes of the previous move, for an hour", async () => {
    expect(await continues([LIVE], NEXT)).toBe(true);
    expect(await continues([LIVE], { ...NEXT, kind: "copy" })).toBe(true);
    expect(await continues([LIVE], NEXT, HOUR_MS - 1)).toBe(true);
    expect(await continues([LIVE], NEXT, HOUR_MS)).toBe(false);
  });

  it("counts the hour from the end of the last move", async () => {
    const { asked, clock, jobs, run } = node();
    for (const move of ["u", "v", "w", "x"]) {
      await run({ kind: "precopy", move });
      expect(asked.at(-1)?.base === undefined).toBe(move === "u");
      jobs.memories.unheld("pvc-1");
      await clock.advance(HOUR_MS / 2);
      // It is called again and again.
      jobs.memories.unheld("pvc-1");
      jobs.memories.forgetOld();
    }
  });

  it("continues what the previous process has saved, for as long as the move holds the volume", async () => {
    const before = node();
    await before.run(LIVE);
    const saved = [...before.jobs.memories.save()];
    for (const isHeld of [true, false]) {
      const { asked, clock, jobs, run } = node();
      jobs.memories.load(saved);
      if (isHeld) jobs.memories.held("pvc-1");
      await clock.advance(3 * HOUR_MS);
      jobs.memories.forgetOld();
      await run(LIVE);
      expect(asked.at(-1)?.base !== undefined).toBe(isHeld);
    }
  });

  it("continues nothing of another copy, nor anything after a seal", async () => {
    expect(await continues([LIVE], { ...NEXT, incarnation: "other" })).toBe(false);
    expect(await continues([LIVE, { kind: "copy" }], NEXT)).toBe(false);
    expect(await continues([LIVE, { kind: "copy" }, { kind: "precopy" }], NEXT)).toBe(false);
    // The same move may come back to its live passes.
    expect(await continues([LIVE], LIVE)).toBe(true);
  });

  it("uses what the source has read for the previous move, unless that was sealed", async () => {
    const { jobs, memories, run } = node();
    await run({ kind: "send" });
    jobs.memories.unheld("pvc-1");
    await run({ kind: "send", move: "v" });
    expect(memories[1]).toBe(memories[0]);
    await run({ kind: "summarize", move: "v" });
    expect(memories[2]).toBe(memories[0]);
    // Even if nobody has said that no move holds the volume.
    await run({ kind: "send", move: "w" });
    expect(memories[3]).not.toBe(memories[0]);
  });
});
