import { spawn } from "node:child_process";

/** What a command that ended has left. */
export interface RunResult {
  /** Exit code; 128 + n when signal n ended it, as a shell has it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a command. */
export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  /** The whole environment of the command; that of this process when not given. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds until it is killed; no limit when not given. */
  readonly timeoutMs?: number;
  /** Aborted: the command gets a SIGINT, as from Ctrl-C. */
  readonly interrupt?: AbortSignal;
  /** Sees every chunk of stdout as it comes. */
  readonly onStdout?: (text: string) => void;
  /** Sees every chunk of stderr as it comes, for long builds. */
  readonly onStderr?: (text: string) => void;
}

/** Runs a command to its end and gives its exit code, whatever it is. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [command, ...args] = argv;
  if (command === undefined) throw new Error("run: no command was given");
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs, killSignal: "SIGKILL" as const }),
    });
    options.interrupt?.addEventListener("abort", () => child.kill("SIGINT"), { once: true });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      stdout.push(chunk);
      options.onStdout?.(chunk.toString());
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr.push(chunk);
      options.onStderr?.(chunk.toString());
    });
    // A command that does not read its input is no error (EPIPE); its exit code tells how it went.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.stdin ?? "");
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({
        code: code ?? 128 + (signal === "SIGKILL" ? 9 : 15),
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
  });
}

/** Runs a command that has to succeed; gives its stdout, throws with its stderr. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code !== 0) {
    const said = (result.stderr.trim() || result.stdout.trim()).slice(-4000);
    throw new Error(`${argv.slice(0, 12).join(" ")} ended with ${result.code}: ${said}`);
  }
  return result.stdout;
}
