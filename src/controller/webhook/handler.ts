/*
 * The eviction webhook: one request, one answer.
 *
 *   reading ── not an AdmissionReview of an eviction: 400
 *      │
 *      ▼
 *   deciding ── decided ──▶ allowed, or refused with 429 or 404
 *      ├ decide rejects, or takes longer than 1.5 s: 429
 *      └ the API server has disconnected: no answer
 *
 * If the decision fails, the eviction is held. An eviction that is allowed by mistake may cost
 * data; one that is held by mistake comes again five seconds later.
 */
import { deadline, type Clock } from "../../effects/clock.ts";
import { CodedError } from "../../observe/errors.ts";
import type { HttpsHandler } from "../../observe/https-server.ts";
import type { Log } from "../../observe/log.ts";
import type { HttpAnswer } from "../../observe/server.ts";
import { parseReview, reviewWith, type EvictionAnswer, type EvictionRequest } from "./review.ts";

/** Decides about one eviction. The signal is aborted when the answer would come too late. */
export type DecideEviction = (eviction: EvictionRequest, signal: AbortSignal) => Promise<EvictionAnswer>;

export interface EvictionHandlerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly decide: DecideEviction;
}

/** The path in the webhook configuration's clientConfig. */
export const EVICTION_PATH = "/eviction";
/** An API server waits two seconds (timeoutSeconds). The answer must come before that. */
const DECIDE_WITHIN_MS = 1500;

/** Answers the API server's requests to the webhook. */
export function evictionHandler(deps: EvictionHandlerDeps): HttpsHandler {
  return async ({ method, path, body, signal }) => {
    if (path !== EVICTION_PATH) return { status: 404, body: "there is nothing here\n" };
    if (method !== "POST") return { status: 405, body: "an AdmissionReview is sent with POST\n" };
    try {
      const { uid, eviction } = parseReview(body);
      return asJson(reviewWith(uid, await decideInTime(deps, eviction, signal)));
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      deps.log.warn("a malformed admission review", { err: error });
      return { status: 400, body: `${error.message}\n` };
    }
  };
}

async function decideInTime(
  { clock, log, decide }: EvictionHandlerDeps,
  eviction: EvictionRequest,
  parent: AbortSignal,
): Promise<EvictionAnswer> {
  const limit = deadline(clock, DECIDE_WITHIN_MS, parent);
  const { namespace, name } = eviction;
  try {
    return await Promise.race([decide(eviction, limit.signal), whenAborted(limit.signal)]);
  } catch (error) {
    log.error("could not decide about an eviction", { namespace, pod: name, err: error });
    const why = limit.signal.aborted
      ? `could not decide within ${String(DECIDE_WITHIN_MS / 1000)} s`
      : "failed to decide (its log says why)";
    const message = `Mooring ${why} whether evicting pod ${namespace}/${name} is safe for its data. The next try checks again.`;
    return { answer: "hold", message };
  } finally {
    limit.clear();
  }
}

/**
 * Rejects when the signal is aborted, so that a decision that ignores its signal is not awaited.
 */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

function asJson(value: object): HttpAnswer {
  return { status: 200, body: JSON.stringify(value), contentType: "application/json" };
}
