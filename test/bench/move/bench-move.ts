import { writeFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { COPY_CASES, median, type CopyCase, type CopyFigures, type DowntimeFigures } from "./figures.ts";
import { measureDowntimes } from "./downtime/measure-downtime.ts";
import { dropCaches } from "./ground/caches.ts";
import { filesOf } from "./ground/cases.ts";
import { makeSource } from "./ground/make-source.ts";
import { freeAt, whyTooSmall, type Free } from "./ground/space.ts";
import { Workspace } from "./ground/workspace.ts";
import { measureCopy } from "./measure.ts";
import type { MoveOptions } from "./options.ts";
import { copyTable, downtimeTable } from "./report.ts";
import { disk } from "./subjects/disk.ts";
import { betweenEnds, fromSource, type EndProgram } from "./subjects/ends.ts";
import { findRsync, installedRsync, type Rsync } from "./subjects/rsync-program.ts";
import { rsyncLocal } from "./subjects/rsync.ts";
import type { CopySubject } from "./subjects/subject.ts";
import { judgeCopies, judgeDowntimes } from "./targets.ts";

/** What a run does to the machine and to whoever watches it. */
export interface CopyEffects {
  readonly rsync: Rsync;
  readonly dropCaches: () => Promise<unknown>;
  /** A program of the two ends of a copy. */
  readonly endProgram: (program: string) => Promise<EndProgram>;
  readonly log: (line: string) => void;
}

/** What a run has measured, and what it could not. */
export interface CopyResults {
  readonly figures: readonly CopyFigures[];
  /** Why a subject was left out. */
  readonly skipped: readonly string[];
}

/** Measures copies between two agents on this machine, prints a table, and gives the exit code. */
export async function benchMove(options: MoveOptions): Promise<number> {
  const problem = await whyImpossible(options);
  if (problem !== undefined) {
    toStderr(`npm run bench: ${problem}`);
    return 3;
  }
  const load = loadavg()[0] ?? 0;
  const undropped = await dropCaches();
  const rsync = options.subjects.includes("rsync-local") ? await findRsync(toStderr) : installedRsync();
  const effects: CopyEffects = { rsync, dropCaches, endProgram: fromSource, log: toStderr };
  const { figures, skipped } = await measureCopies(options, effects);
  const why = whyNoDowntime(options);
  const downtimes = why === undefined ? await measureDowntimes({ ...options, log: toStderr }) : [];
  const lines = [
    `${String(availableParallelism())} cores, load ${load.toFixed(2)} at the beginning`,
    `caches dropped before each subject: ${undropped === undefined ? "yes" : `no, ${undropped}`}`,
    ...[...skipped, ...(why ?? [])].map((one) => `left out: ${one}`),
    ...tables(figures, downtimes),
    "",
    ...(options.shrink === 1
      ? [...judgeCopies(figures), ...judgeDowntimes(downtimes)]
      : [`sizes divided by ${String(options.shrink)}: the targets are not judged`]),
  ];
  process.stdout.write(`\n${lines.join("\n")}\n`);
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify([...figures, ...downtimes], undefined, 2)}\n`);
  return 0;
}

/** Why no downtimes are measured: nothing where nobody asked for them; undefined: they are. */
function whyNoDowntime({ cases, subjects }: MoveOptions): readonly string[] | undefined {
  if (!cases.includes("downtime") || !subjects.includes("mooring")) return [];
  return process.getuid?.() === 0
    ? undefined
    : ["downtime: the test cluster makes namespaces and mounts, run it as root"];
}

function tables(figures: readonly CopyFigures[], downtimes: readonly DowntimeFigures[]): string[] {
  const copies = figures.length === 0 ? [] : ["", copyTable(figures)];
  return downtimes.length === 0 ? copies : [...copies, "", downtimeTable(downtimes)];
}

function copyCasesOf({ cases }: Pick<MoveOptions, "cases">): CopyCase[] {
  return COPY_CASES.filter((name) => cases.includes(name));
}

/** Why the cases do not fit into the directory; undefined when they do. */
export async function whyImpossible({ directory, shrink, ...options }: MoveOptions): Promise<string | undefined> {
  let free: Free;
  try {
    free = await freeAt(directory);
  } catch (error) {
    return `cannot write below ${directory}: ${error instanceof Error ? error.message : String(error)}`;
  }
  for (const name of copyCasesOf(options)) {
    const why = whyTooSmall(directory, filesOf(name, shrink), free);
    if (why !== undefined) return `no room for the case ${name}: ${why}`;
  }
  return undefined;
}

/** Measures all cases one after the other; in each case the subjects take turns. */
export async function measureCopies(options: MoveOptions, effects: CopyEffects): Promise<CopyResults> {
  await using workspace = await Workspace.make(options.directory);
  const subjects = subjectsOf(options, effects);
  const available: CopySubject[] = [];
  const skipped: string[] = [];
  for (const subject of subjects) {
    const why = await subject.unavailable(await workspace.make("probe"));
    await workspace.remove("probe");
    if (why === undefined) available.push(subject);
    else skipped.push(`${subject.name}: ${why}`);
  }
  const figures: CopyFigures[] = [];
  for (const name of copyCasesOf(options)) {
    const taking = available.filter(({ cases }) => cases.includes(name));
    figures.push(...(await measureCase(workspace, name, taking, options, effects)));
  }
  return { figures, skipped };
}

async function measureCase(
  workspace: Workspace,
  name: CopyCase,
  subjects: readonly CopySubject[],
  { rounds, shrink }: MoveOptions,
  { dropCaches: drop, log }: CopyEffects,
): Promise<CopyFigures[]> {
  if (subjects.length === 0) return [];
  const files = filesOf(name, shrink);
  log(`${name}: making ${String(files.length)} files`);
  const source = await workspace.make("source");
  await makeSource(source, files);
  const all: CopyFigures[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of subjects) {
      const one = await measureCopy(subject, name, { files, source, workspace }, drop);
      log(`${name}: ${subject.name}: ${one.seconds.toFixed(2)} s, ${one.mbPerS.toFixed(0)} MB/s`);
      all.push(one);
    }
  }
  await workspace.remove("source");
  return subjects.map((subject) => median(all.filter((one) => one.subject === subject.name)));
}

function subjectsOf({ profile, subjects }: MoveOptions, { endProgram: find, rsync }: CopyEffects): CopySubject[] {
  const execArgv = profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profile];
  const all = [
    betweenEnds(
      { source: "transfer-source-main.ts", target: "transfer-target-main.ts", execArgv, find },
      { name: "mooring", cases: ["large", "small", "sparse"] },
    ),
    rsyncLocal(rsync),
    betweenEnds(
      { source: "stream-source-main.ts", target: "stream-target-main.ts", find },
      { name: "tls-stream", cases: ["large"], discards: true },
    ),
    disk,
  ];
  return all.filter(({ name }) => subjects.includes(name));
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
