import { setTimeout as pause } from "node:timers/promises";

/** How long to look for a condition, and how often. */
export interface WaitOptions {
  /** Milliseconds until the wait fails. */
  readonly timeoutMs: number;
  /** Milliseconds between two looks; 100 when not given. */
  readonly everyMs?: number;
  /** Ends the wait early, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Thrown by a probe when what is waited for can no longer come: the wait ends at once. */
export class GiveUp extends Error {
  override readonly name = "GiveUp";
}

/**
 * Looks once: the value that was waited for, or undefined while it is not there. `saw` notes what
 * was found instead.
 */
export type Probe<T> = (saw: (what: unknown) => void) => Promise<T | undefined> | T | undefined;

/**
 * Polls until the probe gives a value. A probe that throws counts as "not yet": an API server that
 * is just starting refuses connections. When time is up, the error tells what the last look found,
 * since "timed out" alone explains nothing.
 */
export async function waitFor<T>(description: string, probe: Probe<T>, options: WaitOptions): Promise<T> {
  const started = performance.now();
  let last: unknown = "nothing";
  let cause: Error | undefined;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const value = await probe((what) => (last = what));
      if (value !== undefined) return value;
      cause = undefined;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      cause = error instanceof Error ? error : new Error("the probe threw something that is no Error");
    }
    if (performance.now() - started >= options.timeoutMs) {
      const found = cause === undefined ? `last seen: ${show(last)}` : `last error: ${cause.message}`;
      throw new Error(`waited ${options.timeoutMs / 1000} s for ${description}; ${found}`, { cause });
    }
    await pause(options.everyMs ?? 100);
  }
}

function show(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value, undefined, 1);
  return (text ?? "nothing").slice(0, 4000);
}
