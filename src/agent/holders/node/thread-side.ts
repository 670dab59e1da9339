/*
 * The program of the thread that looks at /proc. The thread must do nothing else, because its mount
 * namespace keeps changing.
 */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../../observe/errors.ts";
import type { Ignored, Proof } from "../holders.ts";
import { proveOnMachine } from "./machine.ts";
import { enterNamespaces, Lost } from "./namespaces.ts";

/** The data with which the thread is started. */
export interface ThreadData {
  /** An Int32Array of one element: the process that is being looked at. */
  readonly progress: SharedArrayBuffer;
  readonly devices: string;
}

export interface Question {
  readonly directory: string;
  readonly ignored: readonly Ignored[];
}

export type Answer = { readonly proof: Proof } | { readonly error: string; readonly code: string };

/** Answers questions until the process ends. */
export function serveHolders(): void {
  const { progress, devices } = workerData as ThreadData;
  const current = new Int32Array(progress);
  const readTable = enterNamespaces();
  const onProcess = (pid: number): void => {
    Atomics.store(current, 0, pid);
  };
  parentPort?.on("message", ({ directory, ignored }: Question) => {
    let answer: Answer;
    try {
      answer = { proof: proveOnMachine(directory, ignored, { readTable, devices, onProcess }) };
    } catch (error) {
      if (error instanceof Lost) throw error;
      answer = { error: messageOf(error), code: codeOf(error) };
    }
    parentPort?.postMessage(answer);
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
