import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../src/lab/index.ts";
import type { Ground } from "../../cluster/ground.ts";
import { linesOf, type LogLine } from "./product.ts";

/** The product as a process of the story, outside of the cluster. */
export interface ProductProcess {
  /** What it has logged so far. */
  log(): readonly LogLine[];
  /** One request to its health port. */
  ask(path: string): Promise<string>;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Processes that a failed story has not stopped. They are ended with the run. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Starts the built product against a ground's cluster, with nothing in its environment but what is
 * given.
 */
export async function startProductProcess(
  ground: Ground,
  options: {
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    /**
     * Start it again when it ends by itself, as a kubelet does: a leader ends when its machine is
     * too busy for its renewals. @default false
     */
    readonly restarts?: boolean;
  } = {},
): Promise<ProductProcess> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-story-"));
  const kubeconfig = join(directory, "kubeconfig");
  await writeFile(kubeconfig, await ground.kubeconfigText(), { mode: 0o600 });
  const port = await freePort();
  const args = ["dist/local-path-provisioner.mjs", "--debug", "start", "--kubeconfig", kubeconfig];
  let text = "";
  let isOver = false;
  const begin = (): { readonly child: ChildProcess; readonly ended: Promise<void> } => {
    const child = spawn(process.execPath, [...args, "--health-port", String(port), ...(options.args ?? [])], {
      env: { PATH: process.env["PATH"], HOME: directory, ...options.env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    running.add(child);
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    void ended.then(() => {
      running.delete(child);
      if (isOver || options.restarts !== true) return;
      process.stderr.write(`the product's process has ended with ${child.exitCode}, and is started again\n`);
      now = begin();
    });
    return { child, ended };
  };
  let now = begin();
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    isOver = true;
    now.child.kill(signal);
    await now.ended;
    await rm(directory, { recursive: true, force: true });
  };
  const product: ProductProcess = {
    log: () => linesOf(text.slice(0, text.lastIndexOf("\n") + 1)),
    ask: async (path) => await (await fetch(`http://127.0.0.1:${port}${path}`)).text(),
    kill: () => kill("SIGKILL"),
    stop: () => kill("SIGTERM"),
  };
  await ground.waitFor("the product's process to be ready", async (saw) => {
    saw(text.slice(-2000));
    return (await product.ask("/ready")) === "Ready" ? true : undefined;
  });
  return product;
}
