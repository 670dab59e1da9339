import type { Clock } from "../../effects/clock.ts";
import { isNoAnswer } from "../../kube/errors.ts";

/** As long as an API server needs to be restarted. */
const NO_ANSWER_MS = 120_000;

/**
 * Reads again and again while an API server does not answer: what is followed goes on in the
 * cluster without us. Gives undefined for a look that had no answer; rejects when none has come for
 * two minutes.
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
