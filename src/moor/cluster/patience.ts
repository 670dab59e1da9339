import type { Clock } from "../../effects/clock.ts";
import { isNoAnswer } from "../../kube/errors.ts";

/** Longer than a restart of an API server takes. */
const NO_ANSWER_MS = 120_000;

/**
 * A reader that tolerates an API server that does not answer for a while: the move that a command
 * follows continues in the cluster meanwhile. It resolves with undefined for a read without an
 * answer, and rejects when there was no answer for two minutes.
 */
export function patientReader(clock: Clock): <T>(read: () => Promise<T>) => Promise<T | undefined> {
  let answeredAt = clock.monotonic();
  return async (read) => {
    try {
      const answer = await read();
      answeredAt = clock.monotonic();
      return answer;
    } catch (error) {
      if (!isNoAnswer(error) || clock.monotonic() - answeredAt > NO_ANSWER_MS) throw error;
      return undefined;
    }
  };
}
