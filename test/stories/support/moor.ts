/* The command `moor`, as it is built from this checkout, against a ground's cluster. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ground } from "../../cluster/ground.ts";
import { run, type RunResult } from "../../cluster/run.ts";
import { productBundle } from "../../program/bundle.ts";

/** No command of a story takes longer. */
const LONGEST_MS = 600_000;

export interface Moor {
  /** Runs `moor` to its end. A code that is not 0 is an answer, not an error. */
  run(...args: readonly string[]): Promise<RunResult>;
  /** Starts `moor`. */
  start(...args: readonly string[]): Started;
  close(): Promise<void>;
}

/** A command that runs. */
export interface Started {
  /** What it has said on standard output so far. */
  stdout(): string;
  /** What it has said on standard error so far. */
  stderr(): string;
  /** Ctrl-C. */
  interrupt(): void;
  readonly ended: Promise<RunResult>;
}

export async function openMoor(ground: Ground): Promise<Moor> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-moor-"));
  const kubeconfig = join(directory, "kubeconfig");
  await writeFile(kubeconfig, await ground.kubeconfigText(), { mode: 0o600 });
  const program = await productBundle("moor");
  const env = { HOME: directory, PATH: process.env["PATH"] ?? "", KUBECONFIG: kubeconfig };
  const start: Moor["start"] = (...args) => {
    let printed = "";
    let said = "";
    const stop = new AbortController();
    const ended = run([process.execPath, program, ...args], {
      env,
      timeoutMs: LONGEST_MS,
      onStdout: (text) => {
        printed += text;
      },
      onStderr: (text) => {
        said += text;
      },
      interrupt: stop.signal,
    });
    return { stdout: () => printed, stderr: () => said, interrupt: () => stop.abort(), ended };
  };
  return {
    start,
    run: (...args) => run([process.execPath, program, ...args], { env, timeoutMs: LONGEST_MS }),
    close: async () => {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
