// kube-controller-manager's persistentvolume-binder.
//
// Two queues that hold each name once, two workers, one per queue, which run beside each other:
//   event of a volume ─▶ volume queue ─▶ volume worker: takes the volume into `volumes`, syncs it
//   event of a claim  ─▶ claim queue  ─▶ claim worker:  takes the claim into `claims`, syncs it
// At the start all listed objects go into the two caches. Then, and every 15 s, all names are
// queued again, claims first, each kind in random order.
//
// * The claim worker looks for a claim's volume only in `volumes`. If another writer has bound a
//   claim before the volume worker has reached its volume, the claim is marked Lost. It becomes
//   Bound again at its next sync (an event of the claim, or the resync) after the volume is in
//   `volumes`.
// * All requests of both workers, and the events, share one client: 20 requests per second after a
//   burst of 30.
// * A sync that fails is logged and not queued again: the next event or resync is the next try.
// * A worker that is held (a fault switch) finishes its current name and takes at most one more
//   from its queue without processing it.
import type { PersistentVolume, PersistentVolumeClaim } from "kubernetes-types/core/v1.js";
import { isConflict } from "../../../kube/errors.ts";
import type { Informer } from "../../../kube/watch/informer.ts";
import { persistentVolumeClaims, persistentVolumes, pods, storageClasses, type Pod } from "../../../kube/kinds.ts";
import { keyOf, type KubeObject } from "../../../kube/objects.ts";
import { WorkQueue } from "../../../kube/queue/work-queue.ts";
import { background } from "../../../observe/background.ts";
import { claimNames } from "../../objects/pods.ts";
import { limitedClient, type Controller, type Process } from "../../process/process.ts";
import type { BinderFaults } from "./faults.ts";
import { ObjectCache } from "./object-cache.ts";
import { Operations } from "./operations.ts";
import { claimKeyOf, type BinderState } from "./state.ts";
import { syncClaim } from "./sync-claim.ts";
import { syncVolume } from "./sync-volume.ts";

const RESYNC_MS = 15_000;

export class Binder implements Controller {
  readonly #process: Process;
  readonly #faults: BinderFaults | undefined;
  readonly #volumeInformer: Informer<PersistentVolume>;
  readonly #claimInformer: Informer<PersistentVolumeClaim>;
  readonly #volumeQueue: WorkQueue;
  readonly #claimQueue: WorkQueue;
  readonly #state: BinderState;

  constructor(process: Process, faults?: BinderFaults) {
    this.#process = process;
    this.#faults = faults;
    this.#volumeInformer = process.informers.of<PersistentVolume>(persistentVolumes);
    this.#claimInformer = process.informers.of<PersistentVolumeClaim>(persistentVolumeClaims);
    this.#volumeQueue = new WorkQueue(process, { name: "volumes" });
    this.#claimQueue = new WorkQueue(process, { name: "claims" });
    this.#volumeInformer.onChange(({ key }) => {
      this.#volumeQueue.add(key);
    });
    this.#claimInformer.onChange(({ key }) => {
      this.#claimQueue.add(key);
    });
    const podStore = process.informers.of(pods).store;
    this.#state = {
      ...limitedClient(process, "persistentvolume-controller"),
      log: process.log.child({ controller: "persistentvolume-binder" }),
      volumes: new ObjectCache(),
      claims: new ObjectCache(),
      listed: {
        volumes: this.#volumeInformer.store,
        claims: this.#claimInformer.store,
        classes: process.informers.of(storageClasses).store,
        podsByClaim: (key) => podStore.list().filter((pod) => usesClaim(pod, key)),
      },
      operations: new Operations(process),
      enqueueClaim: (key) => {
        this.#claimQueue.add(key);
      },
      enqueueVolume: (name) => {
        this.#volumeQueue.add(name);
      },
    };
  }

  /**
   * Names of the volumes that the volume worker has taken in: what a bound claim is looked up in.
   */
  get known(): readonly string[] {
    return this.#state.volumes.list().map((volume) => volume.metadata?.name ?? "");
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, informers } = this.#process;
    try {
      await informers.synced(signal);
    } catch {
      return;
    }
    for (const volume of this.#volumeInformer.store.list()) this.#state.volumes.take(volume);
    for (const claim of this.#claimInformer.store.list()) this.#state.claims.take(claim);
    const workers = [
      this.#work("volumes", this.#volumeQueue, (key) => this.#volume(key), signal),
      this.#work("claims", this.#claimQueue, (key) => this.#claim(key), signal),
    ].map((work) => background(log, "binder worker", work));
    while (!signal.aborted) {
      this.#resync();
      await clock.sleep(RESYNC_MS, signal).catch(() => undefined);
    }
    this.#volumeQueue.shutDown();
    this.#claimQueue.shutDown();
    await Promise.all(workers);
  }

  async #work(
    which: "volumes" | "claims",
    queue: WorkQueue,
    sync: (key: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      const key = await queue.get(signal);
      if (key === undefined) return;
      try {
        await this.#faults?.passed(which, signal);
        if (signal.aborted) return;
        await sync(key);
      } catch (error) {
        if (isConflict(error)) this.#state.log.debug("not synced, it has changed", { key, err: error });
        else this.#state.log.warn("not synced", { key, err: error });
      } finally {
        queue.done(key);
      }
    }
  }

  async #volume(name: string): Promise<void> {
    const state = this.#state;
    const listed = this.#volumeInformer.store.get(name);
    if (listed !== undefined) {
      if (state.volumes.take(listed)) await syncVolume(state, listed);
      return;
    }
    const known = state.volumes.get(name);
    if (known === undefined) return;
    state.volumes.delete(name);
    // The claim becomes Lost now and not only at the next resync.
    if (known.spec?.claimRef !== undefined) state.enqueueClaim(claimKeyOf(known));
  }

  async #claim(key: string): Promise<void> {
    const state = this.#state;
    const listed = this.#claimInformer.store.get(key);
    if (listed !== undefined) {
      if (state.claims.take(listed)) await syncClaim(state, listed);
      return;
    }
    const known = state.claims.get(key);
    if (known === undefined) return;
    state.claims.delete(key);
    // The volume is released now and not only at the next resync.
    const { volumeName = "" } = known.spec ?? {};
    if (volumeName !== "") state.enqueueVolume(volumeName);
  }

  #resync(): void {
    for (const claim of this.#shuffled(this.#claimInformer.store.list())) this.#claimQueue.add(keyOf(claim));
    for (const volume of this.#shuffled(this.#volumeInformer.store.list())) this.#volumeQueue.add(keyOf(volume));
  }

  /** A Go map is walked in random order, and so are the real one's caches. */
  #shuffled<T extends KubeObject>(objects: readonly T[]): readonly T[] {
    return objects
      .map((object) => ({ object, order: this.#process.random.float() }))
      .sort((a, b) => a.order - b.order)
      .map(({ object }) => object);
  }
}

function usesClaim(pod: Pod, key: string): boolean {
  const namespace = pod.metadata?.namespace ?? "";
  return key.startsWith(`${namespace}/`) && claimNames(pod).some((name) => `${namespace}/${name}` === key);
}
