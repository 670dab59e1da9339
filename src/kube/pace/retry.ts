import type { Clock } from "../../effects/clock.ts";
import { jitter, type Random } from "../../effects/random.ts";
import type { Log } from "../../observe/log.ts";
import { isTooLargeResourceVersion, KubeError } from "../errors.ts";
import type { Kube, KubeRequest } from "../kube.ts";

/**
 * How often a request is sent at most when the server answers with Retry-After. The same number as
 * in client-go.
 */
export const MAX_ASKED_ATTEMPTS = 10;
/**
 * How often a request is sent at most without Retry-After. A short disturbance is over by then.
 * Longer waits belong to the caller's loop, which may find that the work is no longer needed.
 */
export const MAX_UNASKED_ATTEMPTS = 4;
/** The first wait without Retry-After: a failing-over load balancer needs about this long. */
export const FIRST_BACKOFF_MS = 100;
/** Each wait is this many times the one before. */
const BACKOFF_FACTOR = 3;
/**
 * Waits are spread by up to this factor, so that requests refused together do not retry together.
 */
const SPREAD = 0.5;
/** As KubeRequest.timeoutMs says. */
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * A Kube that repeats requests that were certainly not carried out, or that are safe to repeat,
 * within the request's own time-out and signal:
 *
 * - answers 429, 500, 503, 504 with a Retry-After: every verb, after the wait that the server asks
 *   for;
 * - 429 without one: every verb, with a short back-off; 503 without one: GET only, for it may come
 *   from a proxy that had passed the request on;
 * - no connection: every verb (nothing was sent); a broken connection: GET only;
 * - never a refused eviction (the caller decides what to do about a disruption budget), never a
 *   request with a resourceVersion that the server has not reached yet, and never one of the lane
 *   "checked" (the caller has to check again).
 *
 * When it gives up, or the wait would be longer than the time-out, it throws the last error. A
 * stream is repeated only until its header has arrived.
 */
export function withRetries(kube: Kube, effects: { clock: Clock; random: Random; log: Log }): Kube {
  const repeat = async <T>(request: KubeRequest, send: (request: KubeRequest) => Promise<T>): Promise<T> => {
    const { clock, random, log } = effects;
    const end = clock.monotonic() + (request.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    for (let attempt = 1; ; attempt++) {
      try {
        return await send({ ...request, timeoutMs: Math.max(1, Math.ceil(end - clock.monotonic())) });
      } catch (error) {
        const plan = request.lane === "checked" ? undefined : planRetry(request, error, attempt);
        if (plan === undefined) throw error;
        const waitMs = jitter(random, plan.waitMs, SPREAD);
        if (clock.monotonic() + waitMs >= end) throw error;
        const { method, path } = request;
        log.debug("request is sent again", { method, path, attempt, waitMs, err: error });
        await clock.sleep(waitMs, request.signal);
      }
    }
  };
  return {
    request: <T>(request: KubeRequest) => repeat(request, (next) => kube.request<T>(next)),
    stream: (request) => repeat(request, (next) => kube.stream(next)),
  };
}

/**
 * Whether a request that failed for the `attempt`-th time is sent again, and after how many
 * milliseconds at least.
 */
export function planRetry(
  request: Pick<KubeRequest, "method" | "path">,
  error: unknown,
  attempt: number,
): { waitMs: number } | undefined {
  if (!(error instanceof KubeError)) return undefined;
  const inFuture: boolean = isTooLargeResourceVersion(error);
  if (inFuture) return undefined;
  if (error.code === 429 && request.method === "POST" && request.path.endsWith("/eviction")) return undefined;
  const asked = error.retryAfterSeconds;
  if (asked !== undefined && [429, 500, 503, 504].includes(error.code)) {
    return attempt < MAX_ASKED_ATTEMPTS ? { waitMs: Math.max(asked * 1000, FIRST_BACKOFF_MS) } : undefined;
  }
  if (attempt >= MAX_UNASKED_ATTEMPTS || !mayRepeat(request, error)) return undefined;
  return { waitMs: FIRST_BACKOFF_MS * BACKOFF_FACTOR ** (attempt - 1) };
}

function mayRepeat(request: Pick<KubeRequest, "method">, error: KubeError): boolean {
  if (error.code === 429 || (error.code === 0 && error.reason === "ConnectionRefused")) return true;
  const harmless = request.method === "GET";
  return harmless && (error.code === 503 || (error.code === 0 && error.reason === "ConnectionReset"));
}
