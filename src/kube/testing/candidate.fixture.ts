import { Registry } from "prom-client";
import type { Clock } from "../../effects/clock.ts";
import { settle, type ManualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../client.ts";
import type { Kube, KubeRequest } from "../kube.ts";
import { runAsLeader, type LeaderElectionOptions, type Term } from "../leader/leader-election.ts";
import { KubeMetrics } from "../metrics.ts";
import { recordingLog } from "./recording-log.fixture.ts";
import { seededRandom } from "./seeded-random.fixture.ts";

const LEASE = { namespace: "kube-system", name: "mooring" };

/**
 * A process that wants to lead: frozen, it does nothing, and whatever falls due happens when it
 * thaws.
 */
export class Candidate {
  readonly stop = new AbortController();
  readonly log = recordingLog();
  readonly registry = new Registry();
  term: Term | undefined;
  terms = 0;
  /** How runAsLeader ended. */
  ended: unknown;
  readonly #clock: ManualClock;
  readonly #kube: Kube;
  #frozen = false;
  readonly #due: (() => void)[] = [];

  constructor(clock: ManualClock, kube: Kube) {
    this.#clock = clock;
    this.#kube = kube;
  }

  get leads(): boolean {
    return this.term?.signal.aborted === false;
  }

  get holds(): boolean {
    return this.term?.isHeld() === true;
  }

  freeze(): void {
    this.#frozen = true;
  }

  /** What fell due meanwhile happens now, one after the other, with what follows from each. */
  async thaw(): Promise<void> {
    this.#frozen = false;
    for (const callback of this.#due.splice(0)) {
      callback();
      await settle(1);
    }
  }

  run(
    identity: string,
    options: Partial<LeaderElectionOptions> = {},
    lead: (term: Term) => Promise<void> = ({ signal }) => until(signal),
  ): void {
    const whenAwake =
      (callback: () => void): (() => void) =>
      () => {
        if (this.#frozen) this.#due.push(callback);
        else callback();
      };
    const clock: Clock = {
      ...this.#clock,
      after: (ms, callback) => this.#clock.after(ms, whenAwake(callback)),
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const cancel = clock.after(ms, () => {
            signal?.removeEventListener("abort", onAbort);
            resolve();
          });
          const onAbort = (): void => {
            cancel();
            reject(signal?.reason as Error);
          };
          if (signal?.aborted) onAbort();
          else signal?.addEventListener("abort", onAbort, { once: true });
        }),
    };
    const kube: Kube = {
      stream: (request) => this.#kube.stream(request),
      request: <T>(request: KubeRequest) =>
        new Promise<T>((resolve, reject) => {
          this.#kube.request<T>(request).then(
            (answer) => whenAwake(() => resolve(answer))(),
            (error: Error) => whenAwake(() => reject(error))(),
          );
        }),
    };
    const deps = {
      client: new KubeClient(kube),
      clock,
      log: this.log,
      random: seededRandom(identity.length),
      metrics: new KubeMetrics(this.registry),
    };
    const work = async (term: Term): Promise<void> => {
      this.term = term;
      this.terms++;
      await lead(term);
    };
    this.ended = undefined;
    runAsLeader(deps, { ...LEASE, identity, ...options }, work, this.stop.signal).then(
      () => (this.ended = "resolved"),
      (error: unknown) => (this.ended = error),
    );
  }
}

/** Resolves when the signal is aborted. */
export function until(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
}
