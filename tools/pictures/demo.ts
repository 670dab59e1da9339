/*
 * A demo to take pictures of: the shipped controller and agents on the lab, and `moor` against it.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { COLUMNS } from "./svg.ts";

const MOOR = "dist/moor.mjs";
const WORKLOAD = "tools/pictures/workload.yaml";

export interface Ran {
  readonly code: number;
  /** Standard output, or all that a terminal was sent. */
  readonly output: string;
}

export interface Demo {
  /** A node without a controller of Mooring, and all others. */
  readonly quiet: string;
  readonly others: readonly string[];
  moor(...args: readonly string[]): Promise<Ran>;
  /** On a terminal. */
  moorOnTerminal(...args: readonly string[]): Promise<Ran>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a demo and waits until it has drained a node and has nothing to do any more. */
export async function startDemo(): Promise<Demo> {
  const demo = spawn(process.execPath, [MOOR, "demo", "--keep", "--file", WORKLOAD], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(demo, "exit");
  let said = "";
  const kubeconfig = await new Promise<string>((resolve, reject) => {
    demo.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const file = /export KUBECONFIG=(\S+)/.exec(said)?.[1];
      if (file !== undefined) resolve(file);
    });
    demo.once("exit", (code) => reject(new Error(`the demo ended with ${String(code)}:\n${said}`)));
  });
  const nodes = [...said.matchAll(/(\S+) +registered its node/g)].flatMap(([, name]) => name ?? []);
  const busy = new Set([...said.matchAll(/pod mooring-controller-\S+ goes to (\S+)/g)].map(([, name]) => name));
  const quiet = nodes.find((name) => !busy.has(name));
  if (quiet === undefined) throw new Error(`a controller on every node:\n${said}`);
  const env = { ...process.env, KUBECONFIG: kubeconfig, TERM: "xterm" };
  return {
    quiet,
    others: nodes.filter((name) => name !== quiet),
    moor: (...args) => run([process.execPath, MOOR, ...args], env),
    moorOnTerminal: (...args) => {
      const command = `stty cols ${String(COLUMNS)} rows 40; exec ${[process.execPath, MOOR, ...args].join(" ")}`;
      return run(["script", "--quiet", "--return", "--command", command, "/dev/null"], env);
    },
    [Symbol.asyncDispose]: async () => {
      demo.kill("SIGINT");
      await exit;
    },
  };
}

async function run([command = "", ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  return await new Promise((resolve, reject) => {
    const child = execFile(command, args, { env }, (error, output) => {
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve({ code: Number(error?.code ?? 0), output });
    });
    child.stdin?.end();
  });
}
