import { readKnownSeeds, readManifests } from "./files.ts";
import { readMooringManifests } from "./moves/install.ts";
import { runMoves } from "./moves/run.ts";
import { run, type RunResult } from "./run.ts";

/** The classic driver's provisioning, or the movable driver's publish, move and drain. */
export type SuiteName = "classic" | "moves";

export interface Suite {
  /** Seeds that failed once. */
  readonly knownSeeds: () => Promise<readonly number[]>;
  /** Reads the manifests; what it gives plays one seed after the other. */
  readonly open: () => Promise<(seed: number, options: { readonly trace: boolean }) => Promise<RunResult>>;
}

export const SUITES: Readonly<Record<SuiteName, Suite>> = {
  classic: {
    knownSeeds: () => readKnownSeeds(new URL("seeds.txt", import.meta.url)),
    open: async () => {
      const manifests = await readManifests();
      return (seed, options) => run(seed, manifests, options);
    },
  },
  moves: {
    knownSeeds: () => readKnownSeeds(new URL("moves/seeds.txt", import.meta.url)),
    open: async () => {
      const manifests = await readMooringManifests();
      return (seed, options) => runMoves(seed, manifests, options);
    },
  },
};
