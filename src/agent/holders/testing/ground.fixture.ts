import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bundledProgram } from "../../testing/bundled-program.fixture.ts";
import type { Ignored, Proof } from "../holders.ts";

/** What the program inside is asked for. */
export type Request =
  | { readonly of: string; readonly ignored?: readonly Ignored[] }
  | { readonly sh: string }
  | { readonly start: readonly string[] }
  | { readonly end: number | "all" };

export interface Reply {
  readonly value?: unknown;
  readonly error?: string;
}

/**
 * A process and a mount namespace of their own, with a program in it that looks for holders. All of
 * it ends with the test.
 */
export interface Ground {
  of(directory: string, ignored?: readonly Ignored[]): Promise<Proof>;
  /** Runs a shell command and gives what it prints. */
  sh(command: string): Promise<string>;
  /**
   * Starts a program, waits until it has printed a line, and gives its process id in the namespace.
   */
  start(...argv: readonly string[]): Promise<number>;
  /** The command line of holding-child.fixture.ts, without its arguments. */
  readonly holding: readonly string[];
  /** Starts holding-child.fixture.ts in the same way. */
  hold(...args: readonly string[]): Promise<number>;
  /** Kills a process that was started, or all of them, and waits for its end. */
  end(pid: number | "all"): Promise<void>;
  close(): Promise<void>;
}

/** Why holders cannot be looked for here, or undefined. */
export function whyNoHolders(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  try {
    execFileSync("unshare", ["--mount", "--pid", "--fork", "--mount-proc", "true"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "needs a machine that lets root unshare namespaces";
  }
}

const HOLDING = new URL("holding-child.fixture.ts", import.meta.url);
const CHILD = new URL("ground-child.fixture.ts", import.meta.url);
const BUILD = fileURLToPath(new URL("../../../../tools/build.mjs", import.meta.url));

/** Bundles the thread into `directory`, as the build does, and starts a ground that uses it. */
export async function startGround(directory: string): Promise<Ground> {
  await promisify(execFile)(process.execPath, [BUILD, `${directory}/dist`, "src/bin/holders-thread.ts"]);
  const unshare = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
  // A shell is the first process of the namespace: it reaps orphans, which Node would not.
  const shell = ["sh", "-c", '"$@"; exit $?', "init"];
  const [childProgram, holding] = await Promise.all([bundledProgram(CHILD), bundledProgram(HOLDING)]);
  const program = [process.execPath, childProgram, `${directory}/dist/holders-thread.mjs`];
  const child = spawn("unshare", [...unshare, ...shell, ...program], { stdio: ["pipe", "pipe", "inherit"] });
  const ask = askerOf(child);
  const start = async (...argv: readonly string[]): Promise<number> => (await ask({ start: argv })) as number;
  return {
    of: async (path, ignored) => (await ask({ of: path, ...(ignored === undefined ? {} : { ignored }) })) as Proof,
    sh: async (command) => (await ask({ sh: command })) as string,
    start,
    holding: [process.execPath, holding],
    hold: (...args) => start(process.execPath, holding, ...args),
    end: async (pid) => {
      await ask({ end: pid });
    },
    close: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.stdin?.end();
      await ended;
    },
  };
}

/** Requests and replies are lines of JSON, one at a time. */
function askerOf(child: ChildProcess): (request: Request) => Promise<unknown> {
  if (child.stdout === null || child.stdin === null) throw new Error("the child has no pipes");
  const { stdin } = child;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async (request) => {
    stdin.write(`${JSON.stringify(request)}\n`);
    const { value: line, done } = await lines.next();
    if (done === true) throw new Error("the program in the namespace has ended");
    const reply = JSON.parse(line) as Reply;
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply.value;
  };
}
