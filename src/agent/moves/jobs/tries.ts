import type { Clock } from "../../../effects/clock.ts";
import { CodedError, messageOf } from "../../../observe/errors.ts";
import type { Log } from "../../../observe/log.ts";
import type { Failure } from "../view.ts";

/** After this many tries in a row without anything new, the move decides what comes next. */
const TRIES = 3;
const PAUSE_MS = 1000;

/** Work on a volume that is tried several times. */
export interface Work<T> {
  readonly volume: string;
  readonly what: string;
  readonly run: (signal: AbortSignal) => Promise<T>;
  /**
   * While the other agent cannot be reached, the work is tried for at least this time.
   * @default 0
   */
  readonly patienceMs?: number;
  /**
   * Whether the last try has copied something that no try before it had, and that the next one need
   * not copy again. Called once after each try that fails. @default it has not
   */
  readonly hasAdvanced?: () => boolean;
  /** Nothing depends on the work: it is tried once, and a failure is only logged. @default false */
  readonly spare?: boolean;
}

/**
 * Tries until the work is done, or until three tries in a row have copied nothing new. Resolves
 * with the result, or with the reason why the work could not be done. Rejects when `signal` is
 * aborted.
 *
 * Only a try whose connection was lost can count as advanced. Any other error would occur again at
 * the same file, or shows that what was copied is wrong.
 */
export async function tried<T>(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  { hasAdvanced = () => false, patienceMs = 0, run, spare = false, volume, what }: Work<T>,
  signal: AbortSignal,
): Promise<T | Failure> {
  let attempt = 0;
  let silentSince: number | undefined;
  for (;;) {
    const began = clock.monotonic();
    try {
      return await run(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (spare) {
        log.info("optional work on a volume failed", { volume, what, err: error });
        return failureOf(error);
      }
      const advanced = hasAdvanced() && isAway(error);
      attempt = advanced ? 0 : attempt + 1;
      log.warn("work on a volume failed", { volume, what, attempt, advanced, err: error });
      if (advanced) silentSince = undefined;
      // The time until the stream broke does not count as silence.
      silentSince ??= error instanceof CodedError && error.code === "TRANSFER_WIRE_BROKEN" ? clock.monotonic() : began;
      const waits = isAway(error) && clock.monotonic() - silentSince < patienceMs;
      if (attempt >= TRIES && !waits) return failureOf(error);
      await clock.sleep(PAUSE_MS * Math.max(1, attempt), signal);
    }
  }
}

function failureOf(error: unknown): Failure {
  return { code: error instanceof CodedError ? error.code : "AGENT_COPY_FAILED", message: messageOf(error) };
}

/** Whether the other agent cannot be reached. It may only be restarting. */
function isAway(error: unknown): boolean {
  return error instanceof CodedError && (error.code.startsWith("PEER_") || error.code === "TRANSFER_WIRE_BROKEN");
}
