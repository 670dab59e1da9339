// One candidate's view of one Lease, and the writes it makes to it.
//
// Whether another candidate's lease has expired is decided by our own clock only. It has expired
// when its record has not changed for the lease duration, counted from the moment we first saw it.
// The times in the record come from other machines' clocks and are not used. Every change of the
// record (a renewal) restarts the count. Every write carries the resourceVersion that was read, so
// that only one of two candidates that saw the same version succeeds.
//
// A write without an answer may have been carried out, or may be carried out later. The next read
// then shows our identity, and we continue from there. The resourceVersion makes sure that a late
// write cannot undo what another candidate has written since. A renewal or a release never writes
// over a record that was only read, unless the record is ours: same holder, same term.
//
// Invariant: `heldSince` is a moment before the last successful write was sent. Every other
// candidate saw that write later, and waits longer than our renew deadline from then. So we have
// stopped before the next leader starts.
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
   * The lease as we last wrote it. Renewals and releases start from this one, because a record that
   * was read since may belong to another candidate.
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

  /** The holder of the lease as far as we know; "" when it has none. */
  get holder(): string {
    return this.#lease?.spec?.holderIdentity ?? "";
  }

  /** leaseTransitions when we acquired the lease: the fencing token of the term. */
  get transitions(): number {
    return transitionsOf(this.#held);
  }

  /**
   * Reads the lease and takes it if it is free or has expired. True: we hold it. Rejects when the
   * server does not answer. `reading` aborts the read and `writing` the write (which may have been
   * carried out once it was sent).
   */
  async acquire(reading: AbortSignal, writing: AbortSignal): Promise<boolean> {
    const before = transitionsOf(this.#lease);
    const seen = await this.#read(reading);
    // Also when the lease has been deleted: its holder still leads for a while.
    if (this.#othersHold()) return false;
    const term = { acquireTime: microTime(this.#clock.now()) };
    if (seen === undefined) {
      // Deleted since we saw it: continue the count, because no fencing token may be used twice.
      const leaseTransitions = this.#observed === undefined ? 0 : before + 1;
      return this.#create({ ...term, leaseTransitions }, writing);
    }
    return this.#write(seen, { ...term, leaseTransitions: transitionsOf(seen) + 1 }, writing);
  }

  /**
   * Renews the lease. False: another candidate has it. Rejects when the server does not answer.
   */
  async renew(signal: AbortSignal): Promise<boolean> {
    try {
      if (this.#held !== undefined && (await this.#write(this.#held, {}, signal))) return true;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    // The lease was changed or deleted: by a renewal of ours whose answer was lost, by a user with
    // kubectl, or by another holder.
    const seen = await this.#read(signal);
    if (seen === undefined) {
      const spec = { leaseTransitions: this.transitions, acquireTime: microTime(this.#clock.now()) };
      return this.#create(spec, signal);
    }
    return this.#isOurs(seen) && this.#write(seen, {}, signal);
  }

  /**
   * Releases the lease, so that the next candidate need not wait for it to expire. Does nothing
   * when it is no longer ours.
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

  /** False: another candidate was faster. */
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

  /**
   * Only a change of the spec counts: a change of labels does not mean that the holder is alive.
   */
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
