import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

/** Where a file's time went. */
export interface FileTime {
  readonly file: string;
  /** All of it, in milliseconds. */
  readonly ms: number;
  /** Of that while no test ran, in beforeAll and afterAll: clusters, installations, cleaning up. */
  readonly besideMs: number;
  readonly tests: number;
}

/** How many files are named. */
const NAMED = 25;

/** The slowest files as plain text, and what all of them took. */
export function slowestFiles(times: readonly FileTime[], named = NAMED): string {
  const total = (files: readonly FileTime[]): string[] => [
    seconds(files.reduce((sum, { ms }) => sum + ms, 0)),
    seconds(files.reduce((sum, { besideMs }) => sum + besideMs, 0)),
    String(files.reduce((sum, { tests }) => sum + tests, 0)),
  ];
  const slowest = times.toSorted((a, b) => b.ms - a.ms).slice(0, named);
  const rows = [
    ["seconds", "no test", "tests", `file (the slowest ${String(slowest.length)} of ${String(times.length)})`],
    ...slowest.map((time) => [...total([time]), time.file]),
    [...total(times), "all files"],
  ];
  return rows.map(([all = "", beside = "", tests = "", file = ""]) => columns(all, beside, tests) + file).join("\n");
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const columns = (all: string, beside: string, tests: string): string =>
  `${all.padStart(8)}  ${beside.padStart(8)}  ${tests.padStart(5)}  `;

/** When a test began and how long it took, in milliseconds. */
export interface TestTime {
  readonly startTime: number;
  readonly duration: number;
}

/** How long at least one of these tests ran; they may have run beside each other. */
export function whileTestsRan(tests: readonly TestTime[]): number {
  let sum = 0;
  let until = -Infinity;
  for (const { duration, startTime } of tests.toSorted((a, b) => a.startTime - b.startTime)) {
    const end = startTime + duration;
    if (end > until) sum += end - Math.max(startTime, until);
    until = Math.max(until, end);
  }
  return sum;
}

/**
 * Says at the end of a run how many seconds each file took. What the verbose reporter prints are
 * the tests alone: without the hooks of a file, which may take longer.
 *
 * All times are those that the worker has measured. Vitest reports the begin of a test some time
 * later, sometimes not before its end.
 */
export class SecondsPerFile implements Reporter {
  readonly #times: FileTime[] = [];

  onTestModuleEnd(module: TestModule): void {
    const { collectDuration, duration, setupDuration } = module.diagnostic();
    const tests = [...module.children.allTests()];
    const ms = collectDuration + setupDuration + duration;
    this.#times.push({
      file: relative(process.cwd(), module.moduleId),
      ms,
      // A test that was skipped has no times.
      besideMs: ms - whileTestsRan(tests.flatMap((test) => test.diagnostic() ?? [])),
      tests: tests.length,
    });
  }

  onTestRunEnd(): void {
    if (this.#times.length > 0) console.log(`\n${slowestFiles(this.#times)}\n`);
  }
}
