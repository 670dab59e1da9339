import { CodedError, messageOf } from "../../observe/errors.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import type { MoorEffects } from "./effects.ts";

/** Runs one command: passes it the effects, and sets the program's exit code. */
export type Run = (work: (effects: MoorEffects) => Promise<number>) => Promise<void>;

/**
 * Does a command's work and returns the exit code. An error is printed to standard error, with its
 * code and advice. An interruption is thrown again, for the caller to handle.
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
