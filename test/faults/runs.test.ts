import { describe, expect, test } from "vitest";
import { seedOf } from "./draw.ts";
import { readManifests } from "./files.ts";
import { run } from "./run.ts";
import { SUITES } from "./suites.ts";

const manifests = await readManifests();
const known = await SUITES.classic.knownSeeds();

/** Besides the known ones. CI plays 300 others for each commit, from seeds of its own. */
const DRAWN = 4;

describe("whatever crashes and goes wrong, no invariant is violated and all settles", () => {
  const seeds = [...new Set([...known, ...Array.from({ length: DRAWN }, (_, index) => seedOf(20261125, index))])];
  test.each(seeds)("seed %i", async (seed) => {
    const { failure } = await run(seed, manifests, { trace: false });
    expect(failure, `npm run test:faults -- --replay ${seed}`).toBeUndefined();
  });
});
