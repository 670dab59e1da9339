import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { freePort } from "../../../src/lab/index.ts";
import { waitFor } from "../../cluster/wait.ts";
import { startLabProcess } from "../lab/lab-process.ts";
import { memoryOf } from "../memory-of.ts";
import { AGENTS_NODE, CONTROLLER_POD, NAMESPACE } from "./objects.ts";

/** What each may take at its highest, in MB (not MiB). */
const GOALS_MB = { controller: 250, agent: 120 };
const PROGRAM = "dist/mooring.mjs";

type Name = keyof typeof GOALS_MB;

interface Row {
  readonly name: Name;
  /** When it serves /health: nothing has been listed yet, or not all. */
  readonly started: number;
  /** When it serves /ready: its caches are full. */
  readonly listed: number;
  readonly idle: number;
  readonly peak: number;
  /** User and system time at the end, in seconds. */
  readonly cpu: number;
}

/**
 * Measures the resident memory of the built programs, each a process of its own, against a lab with
 * many objects. It needs root, as every agent does, but nothing is mounted.
 */
export async function benchMemory(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: "string", default: "1000" },
      volumes: { type: "string", default: "10000" },
      idle: { type: "string", default: "60" },
      "node-options": { type: "string", default: "" },
      node: { type: "string", default: process.execPath },
      only: { type: "string", default: "controller,agent" },
    },
  });
  execFileSync(process.execPath, ["tools/build.mjs"], { stdio: "inherit" });
  const directory = await mkdtemp(join(tmpdir(), "mooring-bench-memory-"));
  const root = join(directory, "pools");
  const size = ["--nodes", values.nodes, "--volumes", values.volumes];
  const lab = await startLabProcess("full-lab-main.ts", [...size, "--root", root]);
  try {
    const kubeconfig = join(directory, "kubeconfig");
    await writeFile(kubeconfig, kubeconfigOf(lab.url));
    await mkdir(join(root, "default"), { recursive: true });
    const commands: Record<Name, readonly string[]> = {
      controller: ["--namespace", NAMESPACE, "--pod-name", CONTROLLER_POD, "--webhook-port", String(await freePort())],
      agent: [
        "--node-name",
        AGENTS_NODE,
        "--address",
        "127.0.0.1",
        "--root",
        root,
        "--kubelet-directory",
        join(directory, "kubelet"),
        "--transfer-port",
        String(await freePort()),
      ],
    };
    const options = values["node-options"].split(" ").filter((option) => option !== "");
    const rows: Row[] = [];
    for (const name of ["controller", "agent"] as const) {
      if (!values.only.split(",").includes(name)) continue;
      const command = [...commands[name], "--kubeconfig", kubeconfig];
      const program = [values.node, ...options];
      rows.push(await measure(name, program, command, { directory, idleMs: Number(values.idle) * 1_000 }));
    }
    process.stdout.write(`${table(rows)}\n\n${rows.map((row) => verdict(row)).join("\n")}\n`);
  } finally {
    await lab.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  name: Name,
  [node = "", ...options]: readonly string[],
  command: readonly string[],
  { directory, idleMs }: { readonly directory: string; readonly idleMs: number },
): Promise<Row> {
  const port = await freePort();
  const logFile = join(directory, `${name}.log`);
  const log = openSync(logFile, "a");
  const child = spawn(node, [...options, PROGRAM, name, ...command, "--health-port", String(port)], {
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    const now = async (path: string): Promise<number> => {
      await waitFor(
        `${path} of the ${name}`,
        async () => {
          if (child.exitCode !== null) throw new Error(`the ${name} has ended:\n${readFileSync(logFile, "utf8")}`);
          return (await answers(`http://127.0.0.1:${String(port)}${path}`)) ? true : undefined;
        },
        { timeoutMs: 300_000, everyMs: 50 },
      );
      return memoryOf(child.pid).now;
    };
    const started = await now("/health");
    const listed = await now("/ready");
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    if (child.exitCode !== null) throw new Error(`the ${name} has ended:\n${readFileSync(logFile, "utf8")}`);
    const { now: idle, peak } = memoryOf(child.pid);
    return { name, started, listed, idle, peak, cpu: cpuSeconds(child) };
  } finally {
    // Not SIGTERM: a controller that is asked to end looks whether Mooring is being uninstalled.
    child.kill("SIGKILL");
    await ended;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** User and system time so far; the kernel counts in hundredths. */
function cpuSeconds({ pid }: ChildProcess): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, "utf8")
      .split(") ")[1]
      ?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function kubeconfigOf(server: string): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "bench",
    clusters: [{ name: "bench", cluster: { server } }],
    users: [{ name: "bench", user: {} }],
    contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
  });
}

function table(rows: readonly Row[]): string {
  const mib = (value: number): string => `${String(value)} MiB`;
  return [
    "| program    | after start | lists read | idle    | at most | CPU in all |",
    "| ---------- | ----------- | ---------- | ------- | ------- | ---------- |",
    ...rows.map(({ name, started, listed, idle, peak, cpu }) =>
      [
        ["", name.padEnd(10), mib(started).padEnd(11), mib(listed).padEnd(10), mib(idle).padEnd(7)],
        [mib(peak).padEnd(7), `${cpu.toFixed(1)} s`.padEnd(10), ""],
      ]
        .flat()
        .join(" | ")
        .trim(),
    ),
    "",
    `load of the machine at the end: ${loadavg()
      .map((load) => load.toFixed(1))
      .join(", ")}`,
  ].join("\n");
}

function verdict({ name, peak, idle }: Row): string {
  const goal = GOALS_MB[name];
  const mb = (mib: number): number => Math.round((mib * 1_048_576) / 1e6);
  const is = mb(peak) < goal ? "within" : "over";
  return `${name}: ${String(mb(idle))} MB idle, ${String(mb(peak))} MB at most: ${is} the goal of ${String(goal)} MB`;
}
