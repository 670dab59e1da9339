import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { runProgram } from "../command-line.ts";
import { seedOf } from "./draw.ts";
import { readOptions, USAGE, type Options } from "./options.ts";
import { vitestReport } from "./report.ts";
import { SUITES, type SuiteName } from "./suites.ts";
import { runSeeds, type SeedResult } from "./workers.ts";

const PROGRESS_MS = 10_000;

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function replay(suite: SuiteName, seed: number): Promise<number> {
  const play = await SUITES[suite].open();
  const { failure, lasted, trace } = await play(seed, { trace: true });
  for (const line of trace) write(line);
  write(`seed ${seed}: ${failure ?? "all held"}; ${(lasted / 1000).toFixed(0)} s of virtual time`);
  return failure === undefined ? 0 : 1;
}

async function runAll({ suite, runs, seed: first, known, workers, stop, verbose, json }: Options): Promise<number> {
  const remembered = known ? await SUITES[suite].knownSeeds() : [];
  const seeds = [...new Set([...remembered, ...Array.from({ length: runs }, (_, index) => seedOf(first, index))])];
  const failures: SeedResult[] = [];
  const began = performance.now();
  const seconds = (): string => ((performance.now() - began) / 1000).toFixed(0);
  const words = suite === "classic" ? "" : `${suite} `;
  let done = 0;
  const progress = setInterval(() => {
    write(`${done} of ${seeds.length} runs, ${failures.length} failed, ${seconds()} s`);
  }, PROGRESS_MS);
  try {
    await runSeeds(suite, seeds, workers ?? availableParallelism(), (result) => {
      done += 1;
      const { seed, failure, lasted } = result;
      if (failure !== undefined) {
        failures.push(result);
        write(`run ${done}, seed ${seed} FAILED: ${failure}\n  npm run test:faults -- ${words}--replay ${seed}`);
      } else if (verbose) write(`run ${done}, seed ${seed}: all held, ${(lasted / 1000).toFixed(0)} s of virtual time`);
      return failure === undefined || !stop;
    });
  } finally {
    clearInterval(progress);
  }
  if (json !== undefined) {
    const report = vitestReport({ suite, runs, seed: first }, remembered, failures);
    await writeFile(json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  write(`${done} runs from seed ${first}, ${failures.length} failed, ${seconds()} s`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = await runProgram({
  usage: USAGE,
  read: readOptions,
  run: (options) => (options.replay === undefined ? runAll(options) : replay(options.suite, options.replay)),
});
