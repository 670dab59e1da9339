// Fault switches: what may go wrong between a client and the API server, decided by rules and drawn
// from the lab's own random numbers, so that a seed repeats it.
//
// The rules are tried for each request in the order in which they were added. At most one rule acts
// before the request is carried out, and at most one after it. Random numbers are drawn only for
// rules that match, and delays pass on the lab's clock only.
import type { Clock } from "../../effects/clock.ts";
import type { Random } from "../../effects/random.ts";
import { Failure } from "./errors/failure.ts";
import { Dropped, type LabUser } from "./request.ts";
import type { Watch } from "./watch.ts";

/** A request as rules see it. */
export interface FaultRequest {
  readonly method: string;
  readonly path: string;
  readonly user: LabUser;
  /**
   * get, list, watch, create, update, patch, delete, deletecollection; for other paths the method
   * in lower case.
   */
  readonly verb: string;
  /** The plural of the kind; "" for a path that is not an object. */
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subresource: string;
}

export type Fault =
  /** Milliseconds, or a range that is drawn from. */
  | { readonly do: "delay"; readonly when: "before" | "after"; readonly ms: number | readonly [number, number] }
  /**
   * The connection breaks. `before`: the request was not carried out. `after`: it was, and the
   * client does not know.
   */
  | { readonly do: "drop"; readonly when: "before" | "after" }
  /** An error answer instead of the request being carried out. */
  | { readonly do: "refuse"; readonly code: 409 | 429 | 500 | 503 | 504; readonly retryAfterSeconds?: number }
  /** As an admission plugin refuses: a quota, for one. */
  | { readonly do: "forbid"; readonly why: string };

export interface FaultRule {
  readonly fault: Fault;
  /** @default every request */
  readonly matches?: (request: FaultRequest) => boolean;
  /** Chance of acting, for each request that matches. @default 1 */
  readonly chance?: number;
  /** How many matching requests pass before the rule acts. @default 0 */
  readonly after?: number;
  /** How often the rule acts at most. @default no limit */
  readonly times?: number;
}

interface Armed extends FaultRule {
  seen: number;
  done: number;
}

interface AboutWatch {
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly user: LabUser;
}

type WatchMatch = (watch: AboutWatch) => boolean;

export class Faults {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #rules = new Set<Armed>();
  readonly #watches: ReadonlySet<Watch>;
  readonly #stalls = new Set<WatchMatch>();

  constructor(deps: { readonly clock: Clock; readonly random: Random }, watches: ReadonlySet<Watch>) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#watches = watches;
  }

  /** Adds a rule. Returns a function that removes it. */
  add(rule: FaultRule): () => void {
    const armed: Armed = { ...rule, seen: 0, done: 0 };
    this.#rules.add(armed);
    return () => {
      this.#rules.delete(armed);
    };
  }

  /** Removes all rules, and lets stalled watches continue. */
  clear(): void {
    this.#rules.clear();
    this.#stalls.clear();
    this.#restall();
  }

  /**
   * Stalls watches, open and future ones: they stay open and deliver nothing. The returned function
   * ends that, and they catch up.
   */
  stallWatches(matches: WatchMatch = () => true): () => void {
    this.#stalls.add(matches);
    this.#restall();
    return () => {
      this.#stalls.delete(matches);
      this.#restall();
    };
  }

  /** Breaks the connections of open watches. */
  breakWatches(matches: WatchMatch = () => true): void {
    for (const watch of this.#watches) if (matches(aboutWatch(watch))) watch.fail(new Dropped(true));
  }

  /** For the lab: called when a watch was opened. */
  opened(watch: Watch): void {
    watch.stalled = [...this.#stalls].some((stall) => stall(aboutWatch(watch)));
  }

  /** For the lab: waits, and throws the fault that replaces the request. */
  async before(request: FaultRequest, timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    const fault = this.#next(request, "before");
    if (fault === undefined) return;
    if (fault.do === "delay") await this.#wait(fault.ms, timeoutMs, signal, false);
    else if (fault.do === "drop") throw new Dropped(false);
    else if (fault.do === "forbid") throw new Failure(403, "Forbidden", `${request.plural} is forbidden: ${fault.why}`);
    else throw refusal(fault.code, fault.retryAfterSeconds);
  }

  /** For the lab: waits, and throws the fault that replaces the answer. */
  async after(request: FaultRequest, timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    const fault = this.#next(request, "after");
    if (fault === undefined) return;
    if (fault.do === "delay") await this.#wait(fault.ms, timeoutMs, signal, true);
    else throw new Dropped(true);
  }

  #next(request: FaultRequest, moment: "before" | "after"): Fault | undefined {
    for (const rule of this.#rules) {
      const { fault, matches, chance = 1, after = 0, times = Infinity } = rule;
      if (("when" in fault ? fault.when : "before") !== moment) continue;
      if (rule.done >= times || !(matches?.(request) ?? true)) continue;
      rule.seen += 1;
      if (rule.seen <= after) continue;
      if (chance < 1 && this.#random.float() >= chance) continue;
      rule.done += 1;
      return fault;
    }
    return undefined;
  }

  async #wait(
    ms: number | readonly [number, number],
    timeoutMs: number | undefined,
    signal: AbortSignal | undefined,
    carriedOut: boolean,
  ): Promise<void> {
    const delay = typeof ms === "number" ? ms : ms[0] + this.#random.float() * (ms[1] - ms[0]);
    if (timeoutMs !== undefined && delay >= timeoutMs) {
      await this.#clock.sleep(timeoutMs, signal);
      throw new TimedOut(carriedOut);
    }
    await this.#clock.sleep(delay, signal);
  }

  #restall(): void {
    for (const watch of this.#watches) this.opened(watch);
  }
}

/** The client has given up waiting. */
export class TimedOut extends Dropped {}

function aboutWatch({ target, user }: Watch): AboutWatch {
  return { plural: target.row.plural, namespace: target.namespace, user };
}

function refusal(code: number, retryAfterSeconds: number | undefined): Failure {
  const details = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  switch (code) {
    case 409:
      return new Failure(409, "Conflict", "the server reported a conflict", details);
    case 429:
      return new Failure(
        429,
        "TooManyRequests",
        "the server has received too many requests and has asked us to try again later",
        details,
      );
    case 503:
      return new Failure(503, "ServiceUnavailable", "the server is currently unable to handle the request", details);
    case 504:
      return new Failure(
        504,
        "Timeout",
        "the server was unable to return a response in the time allotted, but may still be processing the request",
        details,
      );
    default:
      return new Failure(
        code,
        "InternalError",
        "an error on the server has prevented the request from succeeding",
        details,
      );
  }
}
