import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { startCluster, type Cluster, type ClusterOptions } from "../cluster/cluster.ts";
import { onLauncherGone } from "../cluster/launchers.ts";
import { runProgram } from "../command-line.ts";
import type { Figures } from "./figures.ts";
import { benchLab } from "./lab/bench-lab.ts";
import { benchMemory } from "./memory/bench-memory.ts";
import { benchMove } from "./move/bench-move.ts";
import { MOVE_USAGE, readMoveOptions } from "./move/options.ts";
import { readOptions, USAGE, type BareSubject, type Case, type ContainerSubject, type Options } from "./options.ts";
import { table } from "./report.ts";
import { runSubject, type Placement } from "./run-subject.ts";
import { runWrites } from "./run-writes.ts";
import { classicHelper } from "./subjects/classic-helper.ts";
import { classic } from "./subjects/classic.ts";
import { floor } from "./subjects/floor.ts";
import { loop } from "./subjects/loop.ts";
import { original } from "./subjects/original.ts";
import type { Subject } from "./subjects/subject.ts";
import { judge } from "./targets.ts";

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

type SubjectName = Exclude<BareSubject, "writes"> | ContainerSubject;

function subjectOf(name: SubjectName, options: Options): Subject {
  switch (name) {
    case "floor":
      return floor;
    case "loop":
      return loop;
    case "classic":
      return classic;
    case "classic-helper":
      return classicHelper;
    case "original":
      return original(options.original ?? "");
    default:
      return name satisfies never;
  }
}

/** Measures subjects one after the other on one cluster. */
async function onCluster(
  what: ClusterOptions,
  subjects: readonly Subject[],
  cases: readonly Case[],
  placement: Placement,
  writes: boolean,
): Promise<Figures[]> {
  if ((subjects.length === 0 && !writes) || cases.length === 0) return [];
  await using cluster: Cluster = await startCluster({ ...what, log });
  const all: Figures[] = [];
  for (const subject of subjects) all.push(...(await runSubject(cluster, subject, { cases, placement, log })));
  if (writes) all.push(...(await runWrites(cluster, cases, log)));
  return all;
}

async function provision(options: Options): Promise<number> {
  if (process.getuid?.() !== 0) {
    process.stderr.write("npm run bench: the test cluster makes namespaces and mounts, run it as root\n");
    return 3;
  }
  const product = options.bare.includes("classic") || options.containers.includes("classic-helper");
  if (product) execFileSync(process.execPath, ["tools/build.mjs"], { stdio: "inherit" });
  const subjects = (names: readonly SubjectName[]): Subject[] => names.map((name) => subjectOf(name, options));
  const logs = options.keepLogs === undefined ? {} : { keepLogs: options.keepLogs };
  const bare = options.bare.filter((name) => name !== "writes");
  const writes = options.bare.includes("writes");
  const small = options.cases.filter((name) => name === "1" || name === "50");
  const all = [
    ...(await onCluster({ nodes: 0, bareNodes: 3, ...logs }, subjects(bare), options.cases, "immediate", writes)),
    ...(await onCluster({ nodes: 3, ...logs }, subjects(options.containers), small, "selected-node", false)),
  ];
  process.stdout.write(`\n${table(all)}\n\n${judge(all).join("\n")}\n`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(all, undefined, 2)}\n`);
  return 0;
}

async function main(): Promise<number> {
  const [benchmark, ...args] = process.argv.slice(2);
  if (benchmark === "lab") {
    await benchLab(args);
    return 0;
  }
  if (benchmark === "memory") {
    await benchMemory(args);
    return 0;
  }
  if (benchmark === "move") return runProgram({ usage: MOVE_USAGE, read: readMoveOptions, run: benchMove });
  return runProgram({ usage: USAGE, read: readOptions, run: provision });
}

// The watchdog of the cluster takes down what these leave.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
onLauncherGone(() => process.exit(1));
try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
