import { describe, expect, test } from "vitest";
import { seedOf } from "../draw.ts";
import { SUITES } from "../suites.ts";

const play = await SUITES.moves.open();
const known = await SUITES.moves.knownSeeds();

describe("whatever crashes and goes wrong, no volume loses a byte and every hold ends", () => {
  const seeds = [...new Set([...known, ...Array.from({ length: 6 }, (_, index) => seedOf(20261127, index))])];
  test.each(seeds)("seed %i", async (seed) => {
    const { failure } = await play(seed, { trace: false });
    expect(failure, `npm run test:faults -- moves --replay ${seed}`).toBeUndefined();
  });
});
