/* What commands that change something print as data: the same value as JSON and as YAML. */
import { Command } from "commander";
import { describe, expect, it, onTestFinished } from "vitest";
import { parse } from "yaml";
import { systemRunner } from "../../effects/node/runner.ts";
import { serveLab } from "../../lab/index.ts";
import { silentLog } from "../../observe/log.ts";
import type { Objects } from "../cluster/cluster.ts";
import type { MoorEffects } from "../run/effects.ts";
import { exitCodeAfter } from "../run/run.ts";
import { movable, move, pod } from "../testing/objects.fixture.ts";
import { stage } from "../testing/stage.fixture.ts";
import { clusterCommands } from "./commands.ts";

const KUBECONFIG = "/kubeconfig";
const UUID = "12345678-0000-4000-8000-000000000000";

/** Runs a command against an API server with these objects: its exit code and standard output. */
async function moor(args: readonly string[], ...parts: readonly Partial<Objects>[]) {
  const { clock, kube } = stage(...parts);
  const lab = await serveLab(kube.api, { tokens: new Map() });
  onTestFinished(() => lab.close());
  let stdout = "";
  const effects: MoorEffects = {
    clock,
    random: { float: () => 0, uuid: () => UUID },
    files: { readText: async () => lab.kubeconfig(), exists: async (path) => path === KUBECONFIG },
    runner: systemRunner(),
    log: silentLog,
    env: { KUBECONFIG },
    write: (text) => {
      stdout += text;
    },
    tell: () => undefined,
    signal: new AbortController().signal,
  };
  let code: number | undefined;
  const program = new Command();
  for (const command of clusterCommands(async (work) => {
    code = await exitCodeAfter(effects, work);
  })) {
    program.addCommand(command);
  }
  await program.parseAsync(args, { from: "user" });
  return { code, stdout };
}

const data = movable("data", "node-a");
const moving = move(
  "m",
  { from: "node-a", volumes: ["pvc-data"] },
  { phase: "Copying", target: "node-b", message: "Copying to node node-b: 1 of 2 MiB." },
);

describe.each<[string, readonly string[], readonly Partial<Objects>[], object]>([
  [
    "a move",
    ["move", "data", "-n", "app", "--to", "node-b", "--wait=false"],
    [data],
    { move: "data-12345678", volumes: ["pvc-data"], from: "node-a", to: "node-b", phase: "New" },
  ],
  [
    "a cancelled move",
    ["cancel", "data", "-n", "app"],
    [data, { moves: [moving] }],
    {
      move: "m",
      volumes: ["pvc-data"],
      from: "node-a",
      to: "node-b",
      phase: "Cancelled",
      message: "Copying to node node-b: 1 of 2 MiB.",
    },
  ],
  [
    "a move that is being undone",
    ["undo", "data", "-n", "app", "--wait=false"],
    [data, { moves: [moving] }],
    {
      move: "m",
      volumes: ["pvc-data"],
      from: "node-a",
      to: "node-b",
      phase: "Copying",
      message: "Copying to node node-b: 1 of 2 MiB.",
    },
  ],
  [
    "a released node",
    ["release", "node-a", "--yes"],
    [data, { pods: [pod("db-0", { claims: ["data"], on: "node-a" })] }],
    {
      node: { name: "node-a", exists: true, ready: true, released: true },
      volumes: [
        {
          name: "pvc-data",
          claim: "app/data",
          bytes: 300,
          pods: ["app/db-0"],
          means: "the only copy stays on node node-a; once evicted, its pods wait until the node is back",
        },
      ],
    },
  ],
])("%s", (_what, args, objects, printed) => {
  it.each([
    ["json", (text: string): unknown => JSON.parse(text)],
    ["yaml", (text: string): unknown => parse(text)],
  ] as const)("as %s", async (format, read) => {
    const { code, stdout } = await moor([...args, "-o", format], ...objects);
    expect(code).toBe(0);
    expect(read(stdout)).toEqual(printed);
    // JSON is YAML as well.
    expect(stdout.startsWith("{")).toBe(format === "json");
  });
});
