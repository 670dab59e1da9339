import type { Log } from "./log.ts";

/**
 * Runs work in the background: its failure is logged, and never becomes an unhandled rejection. The
 * only way to leave a promise unawaited. Returns a promise for the end of the work that never
 * rejects.
 */
export function background(log: Log, what: string, work: Promise<unknown>): Promise<void> {
  return work.then(
    () => undefined,
    (error: unknown) => {
      log.error("background work failed", { what, err: error });
    },
  );
}
