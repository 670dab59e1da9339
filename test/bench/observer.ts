import type { PersistentVolumeClaim, Pod } from "../../src/kube/kinds.ts";
import { events, persistentVolumeClaims, pods } from "../../src/kube/kinds.ts";
import { Informer } from "../../src/kube/watch/informer.ts";
import type { Connection } from "./connect.ts";
import { Moments } from "./moments.ts";

/**
 * Sees all claims and pods of the bench by one watch each, opened before anything is made: when a
 * claim is Bound first, when a pod is scheduled first, and whether a claim is ever Lost.
 */
export class Observer {
  readonly bound = new Moments();
  readonly scheduled = new Moments();
  readonly #lost = new Set<string>();
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  static async open(connection: Connection, namespace: string): Promise<Observer> {
    const observer = new Observer();
    const claims = new Informer<PersistentVolumeClaim>(connection, { resource: persistentVolumeClaims, namespace });
    claims.onChange(({ object }) => observer.#claim(object));
    const podInformer = new Informer<Pod>(connection, { resource: pods, namespace });
    podInformer.onChange(({ object }) => observer.#pod(object));
    const claimLost = new Informer(connection, { resource: events, fieldSelector: "reason=ClaimLost" });
    claimLost.onChange(({ object }) => {
      observer.#lost.add(`event about ${object.involvedObject.name}: ${object.message ?? ""}`);
    });
    const all = [claims, podInformer, claimLost];
    const { signal } = observer.#stop;
    observer.#running = Promise.all(all.map((informer) => informer.run(signal)));
    await Promise.all(all.map((informer) => informer.synced(signal)));
    return observer;
  }

  /** Throws when a claim was Lost since the observer was opened, or an event said so. */
  assertNothingLost(): void {
    if (this.#lost.size === 0) return;
    throw new Error(`claims were Lost, which must never be:\n${[...this.#lost].join("\n")}`);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #claim(claim: PersistentVolumeClaim): void {
    const name = claim.metadata?.name ?? "";
    if (claim.status?.phase === "Bound") this.bound.mark(name);
    if (claim.status?.phase === "Lost") this.#lost.add(`claim ${name} was Lost`);
  }

  #pod(pod: Pod): void {
    const scheduled = pod.status?.conditions?.find(({ type }) => type === "PodScheduled")?.status === "True";
    if (scheduled) this.scheduled.mark(pod.metadata?.name ?? "");
  }
}
