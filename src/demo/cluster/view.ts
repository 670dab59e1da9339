// The cluster as the story and the timeline see it, kept up to date by watches. There is no
// polling, and the demo reports only what the watches have shown.
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import { deadline, type Clock } from "../../effects/clock.ts";
import { Informer, type InformerDeps } from "../../kube/watch/informer.ts";
import {
  events,
  leases,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
  type Event,
  type Lease,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
} from "../../kube/kinds.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import type { KubeObject } from "../../kube/objects.ts";
import type { Resource } from "../../kube/resource.ts";
import { deployments, statefulSets, type Deployment, type StatefulSet } from "../../lab/index.ts";

/** The cluster as it is now, as far as the demo looks at it. */
export interface ClusterSnapshot {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly claims: readonly PersistentVolumeClaim[];
  readonly volumes: readonly PersistentVolume[];
  readonly classes: readonly StorageClass[];
  readonly statefulSets: readonly StatefulSet[];
  readonly deployments: readonly Deployment[];
  readonly events: readonly Event[];
  readonly localVolumes: readonly LocalVolume[];
  readonly moves: readonly VolumeMove[];
}

/** A condition was not met in time. */
export class NotReached extends Error {
  override readonly name = "NotReached";
}

export class ClusterView {
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly statefulSets: Informer<StatefulSet>;
  readonly deployments: Informer<Deployment>;
  readonly events: Informer<Event>;
  readonly leases: Informer<Lease>;
  readonly localVolumes: Informer<LocalVolume>;
  readonly moves: Informer<VolumeMove>;
  readonly #clock: Clock;
  readonly #all: readonly Pick<Informer<KubeObject>, "run" | "synced">[];
  readonly #listeners = new Set<() => void>();

  /** `namespace` is where the product has its Lease. */
  constructor(deps: InformerDeps, namespace: string) {
    this.#clock = deps.clock;
    const all: Pick<Informer<KubeObject>, "run" | "synced">[] = [];
    const watch = <T extends KubeObject>(resource: Resource<T>, only?: string): Informer<T> => {
      const informer = new Informer(deps, { resource, ...(only === undefined ? {} : { namespace: only }) });
      informer.onChange(() => {
        for (const listener of this.#listeners) listener();
      });
      all.push(informer);
      return informer;
    };
    this.nodes = watch(nodes);
    this.pods = watch(pods);
    this.claims = watch(persistentVolumeClaims);
    this.volumes = watch(persistentVolumes);
    this.classes = watch(storageClasses);
    this.statefulSets = watch(statefulSets);
    this.deployments = watch(deployments);
    this.events = watch(events);
    this.leases = watch(leases, namespace);
    this.localVolumes = watch(localVolumes);
    this.moves = watch(volumeMoves);
    this.#all = all;
  }

  get snapshot(): ClusterSnapshot {
    return {
      nodes: this.nodes.store.list(),
      pods: this.pods.store.list(),
      claims: this.claims.store.list(),
      volumes: this.volumes.store.list(),
      classes: this.classes.store.list(),
      statefulSets: this.statefulSets.store.list(),
      deployments: this.deployments.store.list(),
      events: this.events.store.list(),
      localVolumes: this.localVolumes.store.list(),
      moves: this.moves.store.list(),
    };
  }

  /** Calls back after every change of anything. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Watches until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map((informer) => informer.run(signal)));
  }

  /** Resolves when everything has been listed once. */
  async synced(signal: AbortSignal): Promise<void> {
    manyListeners(signal);
    await Promise.all(this.#all.map((informer) => informer.synced(signal)));
  }

  /**
   * Resolves with the result of `look` as soon as that is not undefined. Rejects with a NotReached
   * that names the condition, or with the signal's reason.
   */
  async until<T>(
    what: string,
    look: (snapshot: ClusterSnapshot) => T | undefined,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<T> {
    const limit = deadline(this.#clock, timeoutMs, signal);
    let onChange: () => void = () => undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const onAbort = (): void => {
          const late = new NotReached(`waited ${String(timeoutMs / 1000)} s for ${what}`);
          reject(signal.aborted ? (signal.reason as Error) : late);
        };
        onChange = (): void => {
          const found = look(this.snapshot);
          if (found !== undefined) resolve(found);
        };
        if (limit.signal.aborted) onAbort();
        limit.signal.addEventListener("abort", onAbort, { once: true });
        this.#listeners.add(onChange);
        onChange();
      });
    } finally {
      this.#listeners.delete(onChange);
      limit.clear();
    }
  }
}
