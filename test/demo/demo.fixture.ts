import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * How long a step may take where a test does not say: it is to fail for what it is about, not
 * because the machine is slow.
 */
const STEP_SECONDS = "300";

/** The programs as they are shipped, in a directory of their own. */
export interface Shop {
  write(name: string, text: string): Promise<string>;
  start(...args: string[]): Promise<DemoRun>;
  close(): Promise<void>;
}

/** A demo that was started, alone in a temporary directory. */
export interface DemoRun {
  readonly tmp: string;
  /** What it has in the temporary directory. */
  files(): Promise<string[]>;
  /** Command lines of processes that have to do with that directory. */
  processes(): Promise<string[]>;
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit code, or with the signal's name. */
  readonly exit: Promise<number | NodeJS.Signals | null>;
  kill(signal: NodeJS.Signals): void;
}

export async function openShop(): Promise<Shop> {
  const root = await mkdtemp(join(tmpdir(), "mooring-demo-test-"));
  const files = join(root, "files");
  await mkdir(files);
  try {
    await promisify(execFile)(process.execPath, ["tools/build.mjs", join(root, "dist")]);
    await cp("deploy", join(root, "deploy"), { recursive: true });
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
  const children = new Set<ChildProcess>();
  return {
    write: async (name, text) => {
      await writeFile(join(files, name), text);
      return join(files, name);
    },
    start: async (...args) => {
      const tmp = await mkdtemp(join(root, "tmp-"));
      const argv = [join(root, "dist/moor.mjs"), "demo", "--timeout", STEP_SECONDS, ...args];
      const child = spawn(process.execPath, argv, {
        env: { PATH: process.env["PATH"], HOME: root, TMPDIR: tmp },
        stdio: ["ignore", "pipe", "pipe"],
      });
      children.add(child);
      return follow(child, tmp);
    },
    close: async () => {
      for (const child of children) child.kill("SIGKILL");
      await rm(root, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

function follow(child: ChildProcess, tmp: string): DemoRun {
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (chunk: Buffer) => {
      output[name] += chunk.toString("utf8");
    });
  }
  return {
    tmp,
    files: () => readdir(tmp),
    processes: () => processesThatName(tmp),
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exit: new Promise((resolve) => {
      child.once("close", (code, signal) => resolve(code ?? signal));
    }),
    kill: (signal) => {
      child.kill(signal);
    },
  };
}

/**
 * Processes whose command line or environment names a path: containers (their commands), and the
 * guard (its argument).
 */
async function processesThatName(path: string): Promise<string[]> {
  if (!existsSync("/proc/self/cmdline")) {
    const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "command="]);
    return stdout.split("\n").filter((line) => line.includes(path) && !line.includes("moor.mjs"));
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((id) => {
      try {
        const command = readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ");
        const environment = readFileSync(`/proc/${id}/environ`, "utf8");
        return command.includes(path) || environment.includes(path) ? [command] : [];
      } catch {
        // It has ended meanwhile, or is somebody else's.
        return [];
      }
    });
}
