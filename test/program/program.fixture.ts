import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { productBundle } from "./bundle.ts";

/** A line of the program's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };

export interface Running {
  readonly lines: readonly LogLine[];
  /** Everything it wrote to stdout and stderr that is not a log line. */
  readonly text: () => string;
  /** Resolves when the process has ended. */
  readonly exit: Promise<number | null>;
  stop(signal?: NodeJS.Signals): void;
}

/** A directory with a kubeconfig for the server at `url`, and whatever files a test puts there. */
export interface Workshop {
  readonly directory: string;
  readonly kubeconfig: string;
  write(name: string, text: string): Promise<string>;
  /** Starts the program with nothing in its environment but what is given. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Running>;
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
  const children = new Set<ChildProcess>();
  return {
    directory,
    kubeconfig,
    write: async (name, text) => {
      await writeFile(join(directory, name), text);
      return join(directory, name);
    },
    start: async (args, env = {}) => {
      const child = spawn(process.execPath, [await productBundle("local-path-provisioner"), ...args], {
        env: { PATH: process.env["PATH"], HOME: directory, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      children.add(child);
      return follow(child);
    },
    close: async () => {
      for (const child of children) child.kill("SIGKILL");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function follow(child: ChildProcess): Running {
  const lines: LogLine[] = [];
  let other = "";
  let rest = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    other += chunk.toString("utf8");
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString("utf8")).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      if (part.startsWith("{")) lines.push(JSON.parse(part) as LogLine);
      else other += `${part}\n`;
    }
  });
  return {
    lines,
    text: () => other,
    exit: new Promise((resolve) => {
      child.once("close", (code) => {
        resolve(code);
      });
    }),
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
    },
  };
}
