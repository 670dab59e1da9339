import { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { systemRandom } from "../../../effects/node/random.ts";
import { manualClock, settle } from "../../../effects/testing/manual-clock.fixture.ts";
import { silentLog } from "../../../observe/log.ts";
import type { CopyEngine } from "../../transfer/engine.ts";
import type { SendOptions } from "../../transfer/send.ts";
import { Jobs, type JobsDeps } from "./jobs.ts";

const ASKED = { volume: "pvc-1", epoch: 1, incarnation: "i", move: "m", moveUID: "u", sealing: 0 };

/** What `pace` lets through in a second, in pieces of 100 bytes, for one send of each move. */
async function inOneSecond(
  limits: Pick<JobsDeps, "bandwidth" | "bandwidthOf">,
  moves: readonly string[] = ["one", "other"],
): Promise<number[]> {
  const clock = manualClock();
  const options: SendOptions[] = [];
  const stop = new AbortController();
  const engine = {
    send: (_root: number, _stream: Duplex, signal: AbortSignal, given: SendOptions) => {
      options.push(given);
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    },
  } as unknown as CopyEngine;
  const jobs = new Jobs({
    clock,
    random: systemRandom(),
    log: silentLog,
    engine,
    openDirectory: () => Promise.resolve({ fd: 0, lock: () => true, close: () => Promise.resolve() }),
    request: () => Promise.reject(new Error("nobody is asked")),
    ...limits,
  });
  for (const [index, move] of moves.entries()) {
    void jobs.source.send({ ...ASKED, move, volume: `pvc-${index}` }, "/", new Duplex());
  }
  await settle();
  const through = options.map(async ({ pace }) => {
    let bytes = 0;
    try {
      for (;;) {
        await pace?.(100, stop.signal);
        bytes += 100;
        if (bytes === 10_000) return bytes;
      }
    } catch {
      return bytes;
    }
  });
  for (let at = 0; at < 100; at++) await clock.advance(10);
  stop.abort(new Error("a second is over"));
  return Promise.all(through);
}

it("sending stays below the limit of its move, and all of it below the limit of the node", async () => {
  expect(await inOneSecond({ bandwidthOf: () => undefined })).toEqual([10_000, 10_000]);
  expect(await inOneSecond({ bandwidthOf: () => 1_000 })).toEqual([1_100, 1_100]);
  const [here = 0, there = 0] = await inOneSecond({ bandwidthOf: () => 1_000 }, ["same", "same"]);
  expect(here + there).toBe(1_100);
  const [one = 0, other = 0] = await inOneSecond({ bandwidthOf: () => undefined, bandwidth: 2_000 });
  expect(one + other).toBe(2_100);
  for (const bytes of await inOneSecond({ bandwidthOf: () => 500, bandwidth: 2_000 })) {
    expect(bytes).toBeGreaterThanOrEqual(500);
    expect(bytes).toBeLessThanOrEqual(600);
  }
});
