// One of several processes leads: the one that holds a Lease.
//
//   waiting ── lease acquired ──▶ leading ── `lead` has ended ──▶ released, then resolved, or
//      │                             │        (by itself, or as     rejected with lead's error
//      │                             │        `signal` aborted)
//      └ signal aborted: resolved    └ not renewed in time, or another holder seen: the term's
//                                      signal is aborted, LeaseLost, at once
//
// * The leader renews the lease every retry period. Its term ends renewDeadline after the last
//   successful renewal was *sent*, by the monotonic clock. Other candidates wait leaseDuration from
//   the moment they *saw* that renewal. So the work has leaseDuration − renewDeadline to stop once
//   its signal is aborted.
// * A process that was stalled (a long pause of the event loop, a suspended machine) finds when it
//   resumes that its term is over, and stops, even if no other candidate has taken the lease: it
//   cannot know what it missed. Code that must not run in two processes asks `isHeld` first,
//   because after a stall it may run before the timer that ends the term.
// * While `lead` winds down after `signal`, the lease is still renewed. It is released only when
//   `lead` has ended. A `lead` that ignores its signal keeps the lease.
// * After LeaseLost, `lead` may still be running: its signal is aborted, but nothing waits for it.
//   The process should exit.
// * Identities must be unique: a candidate that finds its own identity in the lease believes that
//   it holds the lease.
import { deadline, type Clock } from "../../effects/clock.ts";
import { jitter, type Random } from "../../effects/random.ts";
import { background } from "../../observe/background.ts";
import type { Log } from "../../observe/log.ts";
import type { KubeClient } from "../client.ts";
import { LeaseLock } from "./lease-lock.ts";
import { manyListeners } from "../many-listeners.ts";
import type { KubeMetrics } from "../metrics.ts";

export interface LeaderElectionDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: KubeMetrics;
}

export interface LeaderElectionOptions {
  readonly namespace: string;
  readonly name: string;
  /**
   * Unique among all processes that ever competed for this lease: the pod's name with a random
   * part.
   */
  readonly identity: string;
  /** How long other candidates wait for a holder that does not renew. @default 15000 */
  readonly leaseDurationMs?: number;
  /** How long we lead without a renewal. @default 10000 */
  readonly renewDeadlineMs?: number;
  /** Between tries to get or renew the lease. @default 2000 */
  readonly retryPeriodMs?: number;
  /** @default true */
  readonly releaseOnStop?: boolean;
}

/** The time in which this process leads. */
export interface Term {
  /** Aborted when the lease is lost (reason: LeaseLost) or the process is to stop. */
  readonly signal: AbortSignal;
  /** The fencing token: greater than that of every earlier term. */
  readonly transitions: number;
  /**
   * Whether we hold the lease at this moment. Ask before each step that two processes must not both
   * do.
   */
  isHeld(): boolean;
}

/** The lease was lost while leading. Another process may lead by now. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** Candidates try again after 1 to 2.2 retry periods, as in client-go. */
const JITTER = 1.2;

type Settings = Required<LeaderElectionOptions>;

/**
 * Waits for the lease, runs `lead` while it is held, resolves when `signal` is aborted (after
 * releasing) or `lead` has ended by itself; rejects with LeaseLost when the lease was lost while
 * leading, with lead's error when that failed, and with a RangeError for durations that are not in
 * order.
 */
export async function runAsLeader(
  deps: LeaderElectionDeps,
  options: LeaderElectionOptions,
  lead: (term: Term) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const settings = settingsOf(options);
  const lease = `${settings.namespace}/${settings.name}`;
  const { identity } = settings;
  const log = deps.log.child({ lease, identity });
  const lock = new LeaseLock(deps, settings);
  deps.metrics?.leading(lease, false);
  log.info("waiting for the lease");
  if (!(await acquire({ ...deps, log }, settings, lock, signal))) return;

  deps.metrics?.leading(lease, true);
  log.info("leading", { transitions: lock.transitions });
  try {
    await new Leadership({ ...deps, log }, settings, lock).run(lead, signal);
  } finally {
    deps.metrics?.leading(lease, false);
  }
}

/** False: aborted before we got the lease. */
async function acquire(
  deps: LeaderElectionDeps,
  settings: Settings,
  lock: LeaseLock,
  signal: AbortSignal,
): Promise<boolean> {
  let holder: string | undefined;
  while (!signal.aborted) {
    // Wait for a write that is under way even when we are told to stop. Otherwise we might get the
    // lease without knowing it, and nobody would release it.
    const writing = deadline(deps.clock, settings.renewDeadlineMs / 2);
    const reading = deadline(deps.clock, settings.renewDeadlineMs / 2, signal);
    try {
      const acquired = await lock.acquire(reading.signal, writing.signal);
      if (acquired && deps.clock.monotonic() - lock.heldSince < settings.renewDeadlineMs) return true;
      if (!acquired && lock.holder !== holder) {
        holder = lock.holder;
        deps.log.info("the lease is held by another", { holder });
      }
    } catch (error) {
      if (!signal.aborted) deps.log.warn("could not try to get the lease", { err: error });
    } finally {
      reading.clear();
      writing.clear();
    }
    const wait = jitter(deps.random, settings.retryPeriodMs, JITTER);
    // Rejects only when aborted, which the loop sees.
    await deps.clock.sleep(wait, signal).catch(() => undefined);
  }
  return false;
}

/** One term: from the acquired lease to its end. */
class Leadership {
  readonly #deps: LeaderElectionDeps;
  readonly #settings: Settings;
  readonly #lock: LeaseLock;
  readonly #term = new AbortController();
  readonly #renewing = new AbortController();
  #cancelDeadline: (() => void) | undefined;
  #onLost: (lost: LeaseLost) => void = () => undefined;
  #lost: LeaseLost | undefined;

  constructor(deps: LeaderElectionDeps, settings: Settings, lock: LeaseLock) {
    this.#deps = deps;
    this.#settings = settings;
    this.#lock = lock;
  }

  async run(lead: (term: Term) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    manyListeners(this.#term.signal);
    const onStop = (): void => {
      this.#term.abort(signal.reason);
    };
    if (signal.aborted) onStop();
    else signal.addEventListener("abort", onStop, { once: true });
    const lost = new Promise<LeaseLost>((resolve) => (this.#onLost = resolve));
    this.#armDeadline();
    const renewal = background(log, "lease renewal", this.#keepRenewing());
    const work = this.#work(lead);

    const ending = await Promise.race([work, lost]);
    signal.removeEventListener("abort", onStop);
    this.#cancelDeadline?.();
    if (ending instanceof LeaseLost) {
      void background(log, "end of the work of a lost term", this.#logEnd(work));
      log.error("lost the lease", { err: ending });
      throw ending;
    }
    this.#term.abort(new DOMException("the term has ended", "AbortError"));
    this.#renewing.abort();
    await renewal;
    await this.#release();
    if (ending.error !== undefined && !(signal.aborted && ending.error === signal.reason)) throw ending.error;
  }

  /** Runs `lead`, unless we are already told to stop. Never rejects. */
  async #work(lead: (term: Term) => Promise<void>): Promise<{ readonly error: unknown }> {
    if (this.#term.signal.aborted) return { error: undefined };
    try {
      await lead({
        signal: this.#term.signal,
        transitions: this.#lock.transitions,
        isHeld: () => !this.#term.signal.aborted && this.#left() > 0,
      });
      return { error: undefined };
    } catch (error) {
      return { error: error ?? new Error("the work of the leader failed without an error") };
    }
  }

  /** Milliseconds until the term is over unless the lease is renewed. */
  #left(): number {
    return this.#lock.heldSince + this.#settings.renewDeadlineMs - this.#deps.clock.monotonic();
  }

  async #keepRenewing(): Promise<void> {
    const { clock, log } = this.#deps;
    const stop = this.#renewing.signal;
    while (!stop.aborted) {
      await clock.sleep(this.#settings.retryPeriodMs, stop).catch(() => undefined);
      if (stop.aborted || this.#overdue()) return;
      const attempt = deadline(clock, Math.min(this.#left(), this.#settings.renewDeadlineMs / 2), stop);
      try {
        const held = await this.#lock.renew(attempt.signal);
        // The answer may have come late: the term counts from when the renewal was sent.
        if (stop.aborted || this.#overdue()) return;
        if (held) this.#armDeadline();
        else this.#lose(`${this.#lock.holder || "another candidate"} has taken it`);
      } catch (error) {
        if (!stop.aborted) log.warn("could not renew the lease", { err: error, leftMs: Math.round(this.#left()) });
      } finally {
        attempt.clear();
      }
    }
  }

  #armDeadline(): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.#deps.clock.after(this.#left(), () => {
      // Timers may fire a little early.
      if (!this.#overdue()) this.#armDeadline();
    });
  }

  #overdue(): boolean {
    if (this.#left() > 0) return false;
    this.#lose(`it was not renewed for ${this.#settings.renewDeadlineMs} ms`);
    return true;
  }

  #lose(why: string): void {
    if (this.#lost !== undefined) return;
    const { namespace, name } = this.#settings;
    this.#lost = new LeaseLost(`lost the lease ${namespace}/${name}: ${why}`);
    this.#term.abort(this.#lost);
    this.#renewing.abort();
    this.#cancelDeadline?.();
    this.#onLost(this.#lost);
  }

  async #release(): Promise<void> {
    if (!this.#settings.releaseOnStop) return;
    const limit = deadline(this.#deps.clock, this.#settings.renewDeadlineMs / 2);
    try {
      await this.#lock.release(limit.signal);
      this.#deps.log.info("released the lease");
    } catch (error) {
      this.#deps.log.warn("could not release the lease, it will expire", { err: error });
    } finally {
      limit.clear();
    }
  }

  async #logEnd(work: Promise<{ readonly error: unknown }>): Promise<void> {
    const { error } = await work;
    if (error !== undefined && error !== this.#lost) {
      this.#deps.log.warn("the work of a lost term ended with an error", { err: error });
    }
  }
}

function settingsOf(options: LeaderElectionOptions): Settings {
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2000, releaseOnStop = true } = options;
  if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs * JITTER && retryPeriodMs > 0)) {
    throw new RangeError(
      `a lease needs leaseDurationMs (${leaseDurationMs}) > renewDeadlineMs (${renewDeadlineMs}) > ${JITTER} × retryPeriodMs (${retryPeriodMs}) > 0`,
    );
  }
  if (options.identity === "") throw new RangeError("a lease needs an identity");
  return { ...options, leaseDurationMs, renewDeadlineMs, retryPeriodMs, releaseOnStop };
}
