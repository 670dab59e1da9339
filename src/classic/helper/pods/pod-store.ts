import type { Pod } from "../../../kube/kinds.ts";
import { keyOf, uidOf } from "../../../kube/objects.ts";
import { SetMap } from "../../../kube/watch/set-map.ts";
import type { Change, Store } from "../../../kube/watch/store.ts";
import { isOfAnother } from "./record.ts";

/**
 * The pods of the provisioner's namespace, without those of other provisioners: as last seen by a
 * watch, and what the server has answered that the watch has not shown yet. A pod that was created
 * is known from the answer on, however far behind the watch is.
 */
export interface PodStore {
  get(name: string): Pod | undefined;
  /**
   * Calls `listener` after each change of the pod of this name, its deletion included. Returns the
   * function that ends it.
   */
  watch(name: string, listener: () => void): () => void;
  /**
   * Calls `listener` with the name of each pod that is there, and then of each that changes.
   * Returns the function that ends it.
   */
  onChange(listener: (name: string) => void): () => void;
  /** The server has answered that this pod was created. */
  created(pod: Pod): void;
  /** The server has answered with this pod when it was asked for the name; undefined: none. */
  answered(name: string, pod: Pod | undefined): void;
}

/** The part of an Informer that is used. */
interface PodInformer {
  readonly store: Store<Pod>;
  onChange(handler: (change: Change<Pod>) => void): () => void;
}

/**
 * A PodStore over an informer of one namespace's pods. One subscription serves all waiters: each
 * hears of its own pod only, so that a burst of helpers does not cost the square of their number.
 */
export class WatchedPods implements PodStore {
  readonly #informer: PodInformer;
  readonly #namespace: string;
  readonly #provisioner: string;
  readonly #waiters = new SetMap<string, () => void>();
  readonly #listeners = new Set<(name: string) => void>();
  /** Created, by the server's answer, and not shown by the watch yet. By name. */
  readonly #unseen = new Map<string, Pod>();

  constructor(informer: PodInformer, namespace: string, provisioner: string) {
    this.#informer = informer;
    this.#namespace = namespace;
    this.#provisioner = provisioner;
    informer.onChange(({ object }) => {
      const name = object.metadata?.name ?? "";
      const unseen = this.#unseen.get(name);
      if (unseen !== undefined && uidOf(unseen) === uidOf(object)) this.#unseen.delete(name);
      this.#tell(name);
    });
  }

  get(name: string): Pod | undefined {
    const pod = this.#unseen.get(name) ?? this.#watched(name);
    return pod === undefined || isOfAnother(pod, this.#provisioner) ? undefined : pod;
  }

  watch(name: string, listener: () => void): () => void {
    this.#waiters.add(name, listener);
    return () => {
      this.#waiters.delete(name, listener);
    };
  }

  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener);
    const watched = this.#informer.store.list().map(({ metadata }) => metadata?.name ?? "");
    for (const name of new Set([...watched, ...this.#unseen.keys()])) listener(name);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  created(pod: Pod): void {
    const name = pod.metadata?.name ?? "";
    const watched = this.#watched(name);
    // The watch may be ahead of the answer.
    if (watched !== undefined && uidOf(watched) === uidOf(pod)) return;
    this.#unseen.set(name, pod);
    this.#tell(name);
  }

  answered(name: string, pod: Pod | undefined): void {
    const unseen = this.#unseen.get(name);
    if (unseen === undefined) return;
    if (pod !== undefined && uidOf(pod) === uidOf(unseen)) this.#unseen.set(name, pod);
    else this.#unseen.delete(name);
    this.#tell(name);
  }

  #watched(name: string): Pod | undefined {
    return this.#informer.store.get(keyOf({ metadata: { name, namespace: this.#namespace } }));
  }

  #tell(name: string): void {
    for (const listener of this.#listeners) listener(name);
    for (const listener of this.#waiters.get(name)) listener();
  }
}
