import { spawn } from "node:child_process";
import type { EventEmitter } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { stringify } from "yaml";
import { systemEffects } from "../../src/effects/node/system.ts";
import { manyListeners } from "../../src/kube/many-listeners.ts";
import { pinoLog } from "../../src/observe/pino.ts";
import { classicMain } from "../../src/programs/classic/main.ts";
import { productBundle } from "./bundle.ts";

/** A line of the program's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };

export interface Running {
  readonly lines: readonly LogLine[];
  /** Everything it wrote to stdout and stderr that is not a log line. */
  readonly text: () => string;
  /** Resolves when the process has ended. */
  readonly exit: Promise<number | null>;
}

export type Start = (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Running>;

/** A directory with a kubeconfig for the server at `url`, and whatever files a test puts there. */
export interface Workshop {
  readonly directory: string;
  readonly kubeconfig: string;
  write(name: string, text: string): Promise<string>;
  /**
   * Runs the program's main function in this process, with nothing in its environment but what is
   * given.
   */
  start: Start;
  /** The same, as it is shipped: a quarter of a second of a processor for each. */
  startProcess: Start;
  close(): Promise<void>;
}

export async function openWorkshop(url: string): Promise<Workshop> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-program-"));
  const kubeconfig = join(directory, "kubeconfig");
  await writeFile(
    kubeconfig,
    stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster: { server: url } }],
      users: [{ name: "test", user: {} }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    }),
  );
  const ends: (() => Promise<unknown>)[] = [];
  const environment = (more: Readonly<Record<string, string>>) => ({
    PATH: process.env["PATH"],
    HOME: directory,
    ...more,
  });
  return {
    directory,
    kubeconfig,
    write: async (name, text) => {
      await writeFile(join(directory, name), text);
      return join(directory, name);
    },
    start: (args, env = {}) => {
      const { running, stop } = inThisProcess(args, environment(env));
      ends.push(stop);
      return Promise.resolve(running);
    },
    startProcess: async (args, env = {}) => {
      const child = spawn(process.execPath, [await productBundle("local-path-provisioner"), ...args], {
        env: environment(env),
        stdio: ["ignore", "pipe", "pipe"],
      });
      const running = follow(child);
      ends.push(() => {
        child.kill("SIGKILL");
        return running.exit;
      });
      return running;
    },
    close: async () => {
      await Promise.all(ends.map((end) => end()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Splits what is written to stderr into log lines and the rest. */
class Output {
  readonly lines: LogLine[] = [];
  #other = "";
  #rest = "";

  readonly stdout = (text: string): void => {
    this.#other += text;
  };

  readonly stderr = (text: string): void => {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop() ?? "";
    for (const part of parts) {
      if (part.startsWith("{")) this.lines.push(JSON.parse(part) as LogLine);
      else this.#other += `${part}\n`;
    }
  };

  readonly text = (): string => this.#other;
}

function inThisProcess(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { running: Running; stop: () => Promise<unknown> } {
  const { lines, stdout, stderr, text } = new Output();
  const end = new AbortController();
  manyListeners(end.signal);
  const exit = classicMain({
    ...systemEffects(),
    args,
    env,
    hostname: "test",
    stdout,
    stderr,
    log: (level) => pinoLog({ level, destination: { write: stderr } }),
    stopped: () => end.signal,
  });
  const stop = (): Promise<unknown> => {
    end.abort(new Error("the test ends"));
    return exit;
  };
  return { running: { lines, text, exit }, stop };
}

function follow(child: EventEmitter & { readonly stdout: Readable; readonly stderr: Readable }): Running {
  const { lines, stdout, stderr, text } = new Output();
  child.stdout.setEncoding("utf8").on("data", stdout);
  child.stderr.setEncoding("utf8").on("data", stderr);
  return { lines, text, exit: new Promise((resolve) => child.once("close", resolve)) };
}
