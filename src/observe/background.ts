import type { Log } from "./log.ts";

/**
 * The one place where a promise is let go: its failure is logged, never lost and never an unhandled
 * rejection. Returns the guarded promise, which never rejects, for those who want to wait for the
 * end.
 */
export function background(log: Log, what: string, work: Promise<unknown>): Promise<void> {
  return work.then(
    () => undefined,
    (error: unknown) => {
      log.error("background work failed", { what, err: error });
    },
  );
}
