import type { PersistentVolume } from "../../kube/kinds.ts";
import type { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";

const PREFIX = "/api/v1/persistentvolumes/";

/**
 * kube-controller-manager's volume worker as far as express bind depends on it: a lister that
 * follows the API at once, a queue that holds each name once, one worker that takes one name at a
 * time into `known` and gives volumes without a claim the phase Available. The test says when it
 * takes a step, and when it re-queues everything (its resync).
 */
export class KcmVolumeWorker {
  /** Volumes the worker has taken in, by name: what a bound claim is looked up in. */
  readonly known = new Set<string>();
  readonly #kube: LabKube;
  readonly #lister = new Map<string, PersistentVolume>();
  readonly #queue: string[] = [];

  constructor(kube: LabKube) {
    this.#kube = kube;
    kube.onWrite("/api/v1/persistentvolumes", (path, object) => {
      const name = path.slice(PREFIX.length);
      this.#lister.set(name, object as PersistentVolume);
      this.#enqueue(name);
    });
  }

  get backlog(): number {
    return this.#queue.length;
  }

  /** The resync, every 15 s in the real one: all names are queued, in some order. */
  resync(order: (names: string[]) => string[] = (names) => names): void {
    for (const name of order([...this.#lister.keys()])) this.#enqueue(name);
  }

  /** Takes one name off the queue. */
  step(): void {
    const name = this.#queue.shift();
    if (name === undefined) return;
    const volume = this.#lister.get(name);
    if (volume === undefined) return;
    this.known.add(name);
    if (volume.spec?.claimRef === undefined && volume.status?.phase !== "Available") {
      this.#kube.put(`${PREFIX}${name}`, { ...volume, status: { ...volume.status, phase: "Available" } });
    }
  }

  /** Works the queue until it is empty. */
  drain(): void {
    while (this.#queue.length > 0) this.step();
  }

  #enqueue(name: string): void {
    if (!this.#queue.includes(name)) this.#queue.push(name);
  }
}
