// One candidate's view of one Lease, and the writes it makes to it.
//
// Whether somebody else's lease has run out is decided by our own clock only: it has when its
// record has not changed for as long as it was given for, counted from the moment we saw it first
// (other machines' clocks, and so the times in the record, are not to be compared). Whoever changes
// the record, renewing it, starts the count anew. Every write carries the resourceVersion that was
// looked at, so that of two candidates who see the same one succeeds.
//
// A write without an answer may have been done, or may be done later. If it was ours, the next look
// shows our name, and we go on from what we see; the version makes sure that it cannot undo what
// somebody else has written since. What was merely read is never written over for a renewal or a
// release, unless it is ours: same holder, same term.
//
// Invariant: `heldSince` is a moment before the last successful write was sent. Every other
// candidate saw that write later and waits longer than our renew deadline from then: so we have
// stopped before the next one starts.
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../client.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../errors.ts";
import { leases, type Lease } from "../kinds.ts";
import { microTime } from "../timestamps.ts";

type Spec = NonNullable<Lease["spec"]>;

export class LeaseLock {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #at: { readonly namespace: string; readonly name: string };
  readonly #identity: string;
  readonly #durationMs: number;
  /** The lease as last read or written, whoever holds it. */
  #lease: Lease | undefined;
  /**
   * The lease as we wrote it last. Renewing and releasing go from here: what was read meanwhile may
   * be somebody else's by now.
   */
  #held: Lease | undefined;
  #observed: { readonly record: string; readonly at: number } | undefined;
  #heldSince = 0;

  constructor(
    deps: { readonly client: KubeClient; readonly clock: Clock },
    options: {
      readonly namespace: string;
      readonly name: string;
      readonly identity: string;
      readonly leaseDurationMs: number;
    },
  ) {
    this.#client = deps.client;
    this.#clock = deps.clock;
    this.#at = { namespace: options.namespace, name: options.name };
    this.#identity = options.identity;
    this.#durationMs = options.leaseDurationMs;
  }

  /** Monotonic time just before the write was sent that last confirmed our hold. */
  get heldSince(): number {
    return this.#heldSince;
  }

  /** Who holds the lease as far as we know; "" when nobody does. */
  get holder(): string {
    return this.#lease?.spec?.holderIdentity ?? "";
  }

  /** How often the lease had changed hands when it became ours: the fencing token of a term. */
  get transitions(): number {
    return transitionsOf(this.#held);
  }

  /**
   * Looks at the lease and takes it if it is free or has run out. True: we hold it. Rejects when
   * the server cannot be asked. `reading` ends the look early, `writing` the write (which, once
   * sent, may have been done).
   */
  async acquire(reading: AbortSignal, writing: AbortSignal): Promise<boolean> {
    const before = transitionsOf(this.#lease);
    const seen = await this.#read(reading);
    // Also when the lease has been deleted: whoever held it goes on for a while.
    if (this.#othersHold()) return false;
    const term = { acquireTime: microTime(this.#clock.now()) };
    if (seen === undefined) {
      // Deleted since we saw it: count on, tokens of earlier terms must not come again.
      const leaseTransitions = this.#observed === undefined ? 0 : before + 1;
      return this.#create({ ...term, leaseTransitions }, writing);
    }
    return this.#write(seen, { ...term, leaseTransitions: transitionsOf(seen) + 1 }, writing);
  }

  /**
   * Confirms our hold. False: somebody else has the lease. Rejects when that could not be found
   * out.
   */
  async renew(signal: AbortSignal): Promise<boolean> {
    try {
      if (this.#held !== undefined && (await this.#write(this.#held, {}, signal))) return true;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    // Changed or gone under our hands: by a renewal of ours whose answer was lost, by somebody's
    // kubectl, or by another holder.
    const seen = await this.#read(signal);
    if (seen === undefined) {
      const spec = { leaseTransitions: this.transitions, acquireTime: microTime(this.#clock.now()) };
      return this.#create(spec, signal);
    }
    return this.#isOurs(seen) && this.#write(seen, {}, signal);
  }

  /**
   * Gives the lease up, so that the next candidate need not wait for it to run out. Does nothing
   * when it is not ours any more.
   */
  async release(signal: AbortSignal): Promise<void> {
    const free = (): Spec => ({ holderIdentity: "", leaseDurationSeconds: 1 });
    if (this.#held !== undefined && (await this.#write(this.#held, free(), signal))) return;
    const seen = await this.#read(signal);
    if (seen !== undefined && this.#isOurs(seen)) await this.#write(seen, free(), signal);
  }

  #isOurs(lease: Lease): boolean {
    return lease.spec?.holderIdentity === this.#identity && transitionsOf(lease) === this.transitions;
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    try {
      return this.#observe(await this.#client.get(leases, this.#at, { signal, lane: "lease" }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return undefined;
    }
  }

  /** False: somebody was faster. */
  async #create(spec: Spec, signal: AbortSignal): Promise<boolean> {
    const sent = this.#clock.monotonic();
    try {
      const lease = { metadata: { ...this.#at }, spec: this.#record(spec) };
      this.#held = this.#observe(await this.#client.create(leases, lease, { signal, lane: "lease" }));
    } catch (error) {
      if (isAlreadyExists(error)) return false;
      throw error;
    }
    this.#heldSince = sent;
    return true;
  }

  /** Writes our record over this state of the lease. False: the lease has changed since. */
  async #write(over: Lease, spec: Spec, signal: AbortSignal): Promise<boolean> {
    const sent = this.#clock.monotonic();
    try {
      const lease = { ...over, spec: { ...over.spec, ...this.#record(spec) } };
      this.#held = this.#observe(await this.#client.replace(leases, lease, { signal, lane: "lease" }));
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
    this.#heldSince = sent;
    return true;
  }

  #record(spec: Spec): Spec {
    return {
      holderIdentity: this.#identity,
      leaseDurationSeconds: Math.ceil(this.#durationMs / 1000),
      renewTime: microTime(this.#clock.now()),
      ...spec,
    };
  }

  /** Only the record counts: a change of labels is no sign of life. */
  #observe(lease: Lease): Lease {
    this.#lease = lease;
    const record = JSON.stringify(lease.spec ?? {});
    if (record !== this.#observed?.record) this.#observed = { record, at: this.#clock.monotonic() };
    return lease;
  }

  #othersHold(): boolean {
    if (this.#observed === undefined || this.holder === "" || this.holder === this.#identity) return false;
    const seconds = this.#lease?.spec?.leaseDurationSeconds;
    const durationMs = seconds === undefined ? this.#durationMs : seconds * 1000;
    return this.#clock.monotonic() - this.#observed.at < durationMs;
  }
}

function transitionsOf(lease: Lease | undefined): number {
  return lease?.spec?.leaseTransitions ?? 0;
}
