/*
 * Finds the holders of a directory on this machine. A separate thread does the search, because the
 * search enters other mount namespaces, blocks for some hundred milliseconds, and may hang when it
 * reads /proc (of a process that waits for a dead NFS server). The thread starts with the first
 * question, answers one question at a time, and keeps no state. A thread that hangs or ends is
 * replaced by a new one.
 */
import { Worker, type WorkerOptions } from "node:worker_threads";
import type { Clock } from "../../../effects/clock.ts";
import { holdersErrors } from "../errors.ts";
import type { Holders, Proof } from "../holders.ts";
import type { Answer, Question, ThreadData } from "./thread-side.ts";

export interface SystemHoldersOptions {
  readonly clock: Clock;
  /** The program src/bin/holders-thread.ts, or its bundle. */
  readonly thread: URL;
  /** Where the host's devices are. */
  readonly devices?: string;
  /** Without an answer within this time, the result is "unproven". */
  readonly deadlineMs?: number;
  /** Node's arguments for the thread. */
  readonly execArgv?: readonly string[];
}

const DEADLINE_MS = 30_000;

/** Looks at the processes of this machine. Needs root and the host's process namespace. */
export function systemHolders(options: SystemHoldersOptions): Holders {
  const machine = new Machine(options);
  return { of: (directory, ignored = []) => machine.ask({ directory, ignored }) };
}

class Machine {
  readonly #options: SystemHoldersOptions;
  readonly #progress = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #worker: Worker | undefined;
  /** Resolves when the previous question was answered or has failed. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(options: SystemHoldersOptions) {
    this.#options = options;
  }

  ask(question: Question): Promise<Proof> {
    const answer = this.#before.then(() => this.#askNow(question));
    this.#before = answer.catch(() => undefined);
    return answer;
  }

  #askNow(question: Question): Promise<Proof> {
    const worker = (this.#worker ??= this.#start());
    const limit = this.#options.deadlineMs ?? DEADLINE_MS;
    Atomics.store(this.#progress, 0, 0);
    return new Promise<Proof>((resolve, reject) => {
      const leave = (): void => {
        this.#worker = undefined;
        // Do not wait for it: a thread that hangs in the kernel ends only when its system call
        // returns.
        void worker.terminate();
      };
      const finish = (): void => {
        cancel();
        worker.off("message", onAnswer).off("error", onError).off("exit", onExit);
        worker.unref();
      };
      const onAnswer = (answer: Answer): void => {
        finish();
        if ("proof" in answer) resolve(answer.proof);
        else reject(holdersErrors.CANNOT_LOOK({ directory: question.directory, why: answer.error }));
      };
      const onError = (error: Error): void => {
        finish();
        leave();
        reject(holdersErrors.CANNOT_LOOK({ directory: question.directory, why: error.message }, { cause: error }));
      };
      const onExit = (code: number): void => {
        onError(new Error(`the thread that looks ended with code ${String(code)}`));
      };
      const cancel = this.#options.clock.after(limit, () => {
        finish();
        leave();
        const why = `the check of this process did not end within ${String(limit / 1000)} s`;
        resolve({ proven: false, holders: [], unreadable: [{ pid: Atomics.load(this.#progress, 0), why }] });
      });
      worker.on("message", onAnswer).on("error", onError).on("exit", onExit);
      worker.ref();
      worker.postMessage(question);
    });
  }

  #start(): Worker {
    const data: ThreadData = {
      progress: this.#progress.buffer as SharedArrayBuffer,
      devices: this.#options.devices ?? "/dev",
    };
    // Descriptors are closed by libc too, which Node would warn about.
    const options: WorkerOptions = { workerData: data, trackUnmanagedFds: false };
    if (this.#options.execArgv !== undefined) options.execArgv = [...this.#options.execArgv];
    return new Worker(this.#options.thread, options);
  }
}
