import { CodedError, messageOf } from "../../observe/errors.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import type { MoorEffects } from "./effects.ts";

/** Runs one command: hands it the effects and takes its exit code. */
export type Run = (work: (effects: MoorEffects) => Promise<number>) => Promise<void>;

/**
 * Does a command's work and gives its exit code. An error goes to standard error, with its code and
 * what to do. An interruption is the caller's: it is thrown on.
 */
export async function exitCodeAfter(
  effects: MoorEffects,
  work: (effects: MoorEffects) => Promise<number>,
): Promise<number> {
  try {
    return await work(effects);
  } catch (error) {
    if (effects.signal.aborted) throw effects.signal.reason;
    effects.tell(`moor: ${messageOf(error)}`);
    if (!(error instanceof CodedError)) return EXIT.failed;
    effects.tell(`${error.advice} (${error.code})`);
    return exitCodeOf(error);
  }
}
