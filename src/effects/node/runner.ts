import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Runner, RunResult } from "../runner.ts";

/** Runs programs as child processes of this one. */
export function systemRunner(): Runner {
  return {
    run: ([file, ...args], options = {}) =>
      new Promise<RunResult>((resolve, reject) => {
        if (file === undefined) {
          reject(new Error("no program was named"));
          return;
        }
        const child = spawn(file, args, {
          env: { ...process.env, ...options.env },
          cwd: options.cwd,
          signal: options.signal,
          killSignal: "SIGKILL",
          stdio: ["pipe", "pipe", "pipe"],
        });
        const stdout: Buffer[] = [];
        const stderr: Buffer[] = [];
        child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
        child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
        // EPIPE: a program may end without reading its input.
        child.stdin.on("error", () => undefined);
        child.stdin.end(options.stdin ?? "");
        child.on("error", (error) => {
          reject(options.signal?.aborted ? (options.signal.reason as Error) : error);
        });
        child.on("close", (code, signal) => {
          resolve({
            code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]),
            stdout: Buffer.concat(stdout).toString("utf8"),
            stderr: Buffer.concat(stderr).toString("utf8"),
          });
        });
      }),
  };
}
