import { expect, test } from "vitest";
import type { Clock } from "../../../effects/clock.ts";
import { Meter } from "./meter.ts";

const MIB = 1024 ** 2;

function metered(...received: readonly (readonly [atMs: number, bytes: number])[]) {
  let now = 100;
  const told: { received: number; rate: number }[] = [];
  const meter = new Meter({ monotonic: () => now } as unknown as Clock, (copying) => told.push(copying));
  for (const [atMs, bytes] of received) {
    now = 100 + atMs;
    meter.received(bytes);
  }
  return told;
}

test("a transfer of less than a second is not reported", () => {
  expect(metered([10, MIB], [900, 9 * MIB])).toEqual([]);
});
test("after the first second it is told every five, with the rate since the last time", () => {
  const told = metered([2000, 10 * MIB], [3000, 12 * MIB], [6999, 20 * MIB], [7000, 20 * MIB], [9000, 30 * MIB]);
  expect(told).toEqual([
    { received: 10 * MIB, rate: 5 * MIB },
    { received: 20 * MIB, rate: 2 * MIB },
  ]);
});
