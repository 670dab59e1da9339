import type { Clock } from "../../effects/clock.ts";
import type { Random } from "../../effects/random.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isAlreadyExists, isInvalid, isNotFound, KubeError } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import { persistentVolumes, type PersistentVolume, type PersistentVolumeClaim } from "../../kube/kinds.ts";
import { nameOf, uidOf, type Stored } from "../../kube/objects.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { aboutClaim, expressBindOff, type Recorder } from "../events.ts";
import type { ProvisionMetrics } from "../metrics.ts";
import { canaryVolume, isCanary, isUsableCanary, namespaceAsOwner } from "./canary.ts";
import { volumePhase } from "./patches.ts";

/*
 * Finds out when kube-controller-manager (KCM) has processed the PersistentVolumes that were
 * written before a question.
 *
 * Why: KCM marks a bound claim Lost ("Data on the volume is lost!") when the claim's volume is not
 * in a store that only its one volume worker fills, and that worker can be many seconds behind. A
 * claim may therefore be bound by somebody else only after KCM is known to have its volume.
 *
 * How: the worker takes volumes in the order of their events. A round sets the canary's phase to
 * Pending and waits until KCM has set it back to Available.
 *
 * Two answers, not one. The worker's queue holds each name once: when the canary is still queued
 * from before (its own last answer, KCM's resync every 15 s), the question made later is answered
 * from that earlier place, ahead of volumes that were written before the question. The answer
 * itself, though, is an event that queues the canary again, behind everything that was written
 * before the question. So a caller is released by the second answer after its call
 * (docs/adr/0002-two-answers.md).
 *
 * Where the API server refuses the canary (an admission policy, a webhook, a missing right) no
 * caller is ever answered: express bind is off, and kube-controller-manager binds the claims, as it
 * does without us. This is reported once, and tried again at long intervals.
 *
 * One round at a time, whatever the number of callers. Invariant: a caller counts a round only if
 * the round's write was sent after the call.
 */
const ANSWERS_NEEDED = 2;

/** Pause after a failed write to the canary. */
const RETRY_MS = 1_000;
const RETRY_BEHIND_MS = 50;
/**
 * How many refused patches in a row are put down to a stale cache, which fails the test of the
 * phase. A cache is seldom behind for longer than half a second.
 */
const MOST_BEHIND = 10;
/** How often a canary that is refused is tried again. */
const PROBE_MS = 5 * 60_000;

interface Waiter {
  readonly claim: PersistentVolumeClaim | undefined;
  answers: number;
  readonly resolve: () => void;
}

/** The canary could not be made: a stale cache cannot cause that. */
class CanaryRefused extends Error {
  override readonly name = "CanaryRefused";
  readonly refusal: unknown;

  constructor(refusal: unknown) {
    super("the canary could not be made", { cause: refusal });
    this.refusal = refusal;
  }
}

/** An answer that the same request would get again. */
function isRefusal(error: unknown): boolean {
  return error instanceof KubeError && [400, 403, 422].includes(error.code);
}

export interface AcknowledgerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly volumes: Informer<PersistentVolume>;
  readonly metrics?: ProvisionMetrics | undefined;
}

export class Acknowledger {
  readonly #deps: AcknowledgerDeps;
  readonly #owner: string;
  readonly #namespace: string;
  #waiters: Waiter[] = [];
  #wake: () => void = () => undefined;
  /** How often in a row the cache was, or seemed, behind. */
  #behind = 0;
  /** The refusal was reported, and nothing has been accepted since. */
  #isOff = false;

  /**
   * `owner` tells the canaries of several installations in one cluster apart; `namespace` is that
   * of the installation; when it is deleted, so is its canary.
   */
  constructor(deps: AcknowledgerDeps, { owner, namespace }: { readonly owner: string; readonly namespace: string }) {
    this.#deps = deps;
    this.#owner = owner;
    this.#namespace = namespace;
  }

  /**
   * Resolves when KCM has processed every PersistentVolume whose write had been answered before
   * this call. Waits as long as it takes. `claim` is the one to be bound then.
   */
  acknowledged(claim: PersistentVolumeClaim | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const waiter: Waiter = {
        claim,
        answers: 0,
        resolve: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.push(waiter);
      this.#wake();
    });
  }

  /** Answers callers until the signal is aborted. The canary stays: see `removeCanaries`. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, metrics } = this.#deps;
    while (!signal.aborted) {
      try {
        await this.#untilAsked(signal);
        const canary = await this.#canary(signal);
        const asking = [...this.#waiters];
        const started = clock.monotonic();
        await this.#round(canary, signal);
        metrics?.acknowledgementSeconds.observe((clock.monotonic() - started) / 1000);
        if (this.#isOff) log.info("the acknowledgement canary is accepted again, express bind is on");
        this.#isOff = false;
        this.#behind = 0;
        this.#answered(asking);
      } catch (error) {
        if (signal.aborted) break;
        await clock.sleep(this.#pauseAfter(error), signal).catch(() => undefined);
      }
    }
  }

  /** How long to wait after an error, in milliseconds. Reports a refusal, once. */
  #pauseAfter(error: unknown): number {
    const { log } = this.#deps;
    const refusal = error instanceof CanaryRefused ? error.refusal : error;
    const mayBeBehind = error === refusal && (isInvalid(error) || isNotFound(error));
    if (mayBeBehind && this.#behind < MOST_BEHIND) {
      this.#behind += 1;
      return RETRY_BEHIND_MS;
    }
    if (mayBeBehind || isRefusal(refusal)) {
      if (!this.#isOff) this.#tellRefusal(messageOf(refusal));
      this.#isOff = true;
      this.#behind = 0;
      return PROBE_MS;
    }
    log.warn("the acknowledgement canary could not be written, express bind waits", { err: error });
    return RETRY_MS;
  }

  /** The event is on one of the claims that wait. KCM binds all of them nevertheless. */
  #tellRefusal(why: string): void {
    const { log, recorder } = this.#deps;
    log.warn("the acknowledgement canary was refused, express bind is off", {
      why,
      advice: "claims are bound by kube-controller-manager; allow PersistentVolumes of driver canary.mooring.dev",
      againInMinutes: PROBE_MS / 60_000,
    });
    const claim = this.#waiters.find((waiter) => waiter.claim !== undefined)?.claim;
    if (claim !== undefined) recorder.record(aboutClaim(claim), expressBindOff(why));
  }

  /** Deletes every canary of this installation: they exist only while express bind is on. */
  async removeCanaries(): Promise<void> {
    const { client, volumes, log } = this.#deps;
    for (const volume of volumes.store.list().filter((candidate) => isCanary(candidate, this.#owner))) {
      const name = nameOf(volume);
      try {
        await client.delete(persistentVolumes, { name }, { uid: uidOf(volume) });
      } catch (error) {
        if (!isNotFound(error)) log.debug("a canary could not be deleted", { volume: name, err: error });
      }
    }
  }

  #answered(asking: readonly Waiter[]): void {
    for (const waiter of asking) waiter.answers += 1;
    const released = this.#waiters.filter((waiter) => waiter.answers >= ANSWERS_NEEDED);
    this.#waiters = this.#waiters.filter((waiter) => waiter.answers < ANSWERS_NEEDED);
    for (const waiter of released) waiter.resolve();
  }

  #untilAsked(signal: AbortSignal): Promise<void> {
    if (this.#waiters.length > 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#wake = () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
    });
  }

  /**
   * The canary, Available. Makes one when there is none, or when somebody took the one there was.
   */
  async #canary(signal: AbortSignal): Promise<Stored<PersistentVolume>> {
    const { client, random, volumes } = this.#deps;
    let canary = volumes.store.list().find((volume) => isUsableCanary(volume, this.#owner));
    if (canary === undefined) {
      const name = `mooring-canary-${random.uuid()}`;
      const goesWith = await namespaceAsOwner(client, this.#namespace, signal);
      try {
        canary = await client.create(persistentVolumes, canaryVolume(name, this.#owner, goesWith), { signal });
      } catch (error) {
        if (!isAlreadyExists(error)) throw new CanaryRefused(error);
        canary = await client.get(persistentVolumes, { name }, { signal });
      }
    }
    return this.#untilAvailable(canary, signal);
  }

  async #round(canary: Stored<PersistentVolume>, signal: AbortSignal): Promise<void> {
    const { client } = this.#deps;
    const at = { name: nameOf(canary) };
    const patch = volumePhase(canary, "Available", "Pending");
    const asked = await client.patchJson(persistentVolumes, at, patch, { subresource: "status", signal });
    await this.#untilAvailable(asked, signal);
  }

  /**
   * Resolves when the store shows this version of the canary or a later one, Available; rejects
   * when it is gone or taken.
   */
  async #untilAvailable(canary: Stored<PersistentVolume>, signal: AbortSignal): Promise<Stored<PersistentVolume>> {
    const { volumes } = this.#deps;
    const name = nameOf(canary);
    await volumes.waitFor(canary.metadata.resourceVersion, signal);
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        const seen = volumes.store.get(name);
        if (seen === undefined || uidOf(seen) !== uidOf(canary) || !isUsableCanary(seen, this.#owner)) {
          end();
          reject(new Error(`the canary ${name} is gone or was taken`));
          return true;
        }
        if (seen.status?.phase !== "Available") return false;
        end();
        resolve(seen);
        return true;
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      let stop: () => void = () => undefined;
      const end = (): void => {
        stop();
        signal.removeEventListener("abort", onAbort);
      };
      if (look()) return;
      signal.addEventListener("abort", onAbort, { once: true });
      stop = volumes.onChange((change) => {
        if (change.key === name) look();
      });
    });
  }
}
