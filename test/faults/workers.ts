// Runs seeds in several processes at once.
//
// A process that ends, or does not answer in time, counts as the failure of its seed, and another
// takes its place: a run that hangs must be found like any other.
import { fork, type ChildProcess } from "node:child_process";
import { dirname, extname, join } from "node:path";
import type { SuiteName } from "./suites.ts";

export interface SeedResult {
  readonly seed: number;
  readonly failure: string | undefined;
  /** Virtual milliseconds. */
  readonly lasted: number;
}

/**
 * A run takes a fraction of a second of a processor, and the longest about ten; the machine may
 * have other things to do.
 */
const HANGS_MS = 600_000;
/**
 * How many runs one process does at most. Node keeps a signal of AbortSignal.any that has listeners
 * until it is aborted, and a finished run does not abort its signals: 4 GB after 1,200 runs of
 * moves.
 */
const MOST_RUNS = 200;

/** Beside the command, be it the source or a bundle. */
const [, COMMAND = ""] = process.argv;
const RUNNER = join(dirname(COMMAND), `runner-main${extname(COMMAND)}`);

/**
 * Resolves when all seeds have run. `onResult` is called with each result, and returns whether to
 * continue.
 */
export async function runSeeds(
  suite: SuiteName,
  seeds: readonly number[],
  workers: number,
  onResult: (result: SeedResult) => boolean,
): Promise<void> {
  const waiting = [...seeds];
  const work = async (): Promise<void> => {
    let child: ChildProcess | undefined;
    let runs = 0;
    try {
      for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
        if (runs >= MOST_RUNS) {
          child?.disconnect();
          child = undefined;
          runs = 0;
        }
        runs += 1;
        child ??= await start(suite);
        const result = await ask(child, seed);
        if (result === undefined) {
          child.kill("SIGKILL");
          child = undefined;
        }
        const continues = onResult({
          seed,
          ...(result ?? { failure: "the process that ran it has ended, or did not answer", lasted: 0 }),
        });
        if (!continues) waiting.length = 0;
      }
    } finally {
      child?.disconnect();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, seeds.length) }, work));
}

function start(suite: SuiteName): Promise<ChildProcess> {
  // One for each processor: threads that collect garbage beside them would only take time away.
  const execArgv = [...process.execArgv, "--single-threaded-gc"];
  const child = fork(RUNNER, [suite], { stdio: "inherit", execArgv });
  return new Promise((resolve, reject) => {
    child.once("message", () => resolve(child));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`a worker has ended with ${String(code)} before it was ready`)));
  });
}

/** Undefined: it did not answer. */
function ask(child: ChildProcess, seed: number): Promise<Omit<SeedResult, "seed"> | undefined> {
  return new Promise((resolve) => {
    const end = (result: Omit<SeedResult, "seed"> | undefined): void => {
      clearTimeout(timer);
      child.off("exit", onExit);
      child.off("message", end);
      resolve(result);
    };
    const onExit = (): void => end(undefined);
    const timer = setTimeout(onExit, HANGS_MS);
    child.once("exit", onExit);
    child.once("message", end);
    child.send(seed);
  });
}
