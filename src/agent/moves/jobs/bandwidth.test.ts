import { describe, expect, it } from "vitest";
import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import { manualClock, settle } from "../../../effects/testing/manual-clock.fixture.ts";
import { Bandwidth, bandwidthOf, limitOf } from "./bandwidth.ts";

const never = new AbortController().signal;
const MIB = 1024 ** 2;

/** Bytes that a reader gets, who takes pieces of 1 MiB as fast as he may. */
function reader(limit: () => number | undefined, signal = never) {
  const clock = manualClock();
  const bandwidth = new Bandwidth(clock, limit);
  const state = { read: 0, ended: false };
  const run = async (): Promise<void> => {
    for (let pieces = 0; pieces < 1000; pieces++) {
      await bandwidth.take(MIB, signal);
      state.read += MIB;
    }
  };
  run().then(
    () => undefined,
    () => (state.ended = true),
  );
  const pass = async (seconds: number): Promise<number> => {
    await settle();
    const before = state.read;
    for (let at = 0; at < seconds * 10; at++) {
      await clock.advance(100);
      await settle();
    }
    return (state.read - before) / MIB;
  };
  return { pass, state };
}

describe("a limit of bandwidth", () => {
  it("lets so many bytes through in a second, from the first one on", async () => {
    const { pass } = reader(() => 10 * MIB);
    expect(await pass(1)).toBe(10);
    expect(await pass(10)).toBe(100);
  });

  it("may change while somebody waits", async () => {
    let limit: number | undefined = 1024;
    const { pass, state } = reader(() => limit);
    // The next piece would have to wait for a quarter of an hour.
    expect(await pass(10)).toBe(0);
    limit = 5 * MIB;
    expect(await pass(1)).toBeGreaterThanOrEqual(2);
    expect(await pass(2)).toBe(10);
    limit = undefined;
    await pass(1);
    expect(state.read).toBe(1000 * MIB);
  });

  it("is no reason to outlive the transfer", async () => {
    const stop = new AbortController();
    const { pass, state } = reader(() => 1024, stop.signal);
    await pass(1);
    stop.abort(new Error("enough"));
    await pass(0.1);
    expect(state.ended).toBe(true);
  });
});

it.each([
  ["10Mi", 10 * MIB],
  ["1500k", 1_500_000],
  ["1", 64 * 1024],
  ["0", 64 * 1024],
  [undefined, undefined],
])("a move with bandwidth %s may have %s bytes per second", (bandwidth, is) => {
  expect(bandwidthOf({ spec: { bandwidth } } as unknown as VolumeMove)).toBe(is);
});

it("a move that is gone has no limit", () => {
  expect(bandwidthOf(undefined)).toBeUndefined();
});

it.each([
  [1, 64 * 1024],
  [10 * MIB, 10 * MIB],
  [undefined, undefined],
  // What `--bandwidth 1e400` is as a number.
  [Infinity, Number.MAX_SAFE_INTEGER],
])("a node with the limit %s may send %s bytes per second", async (asked, is) => {
  const limit = limitOf(asked);
  expect(limit).toBe(is);
  const { pass } = reader(() => limit);
  await pass(20);
  expect(await pass(20)).toBeGreaterThanOrEqual(limit === undefined || limit > 100 * MIB ? 0 : 1);
});
