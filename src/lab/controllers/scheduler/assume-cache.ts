// The scheduler's view of claims and volumes: the informer's cache, overlaid with the objects that
// it has decided to write (assumed).
//
// Invariant: an assumed object is used until the informer has a newer version than the one it was
// made from, or until it is restored. `shown` always returns the informer's object.
import type { KubeObject } from "../../../kube/objects.ts";
import { keyOf } from "../../../kube/objects.ts";
import { compareResourceVersions } from "../../../kube/watch/resource-version.ts";
import type { Store } from "../../../kube/watch/store.ts";

export class AssumeCache<T extends KubeObject> {
  readonly #store: Store<T>;
  readonly #assumed = new Map<string, T>();

  constructor(store: Store<T>) {
    this.#store = store;
  }

  get(key: string): T | undefined {
    const shown = this.#store.get(key);
    const assumed = this.#assumed.get(key);
    if (assumed === undefined) return shown;
    if (shown !== undefined && compareVersions(assumed, shown) >= 0) return assumed;
    this.#assumed.delete(key);
    return shown;
  }

  /** As the informer has it. */
  shown(key: string): T | undefined {
    return this.#store.get(key);
  }

  list(): readonly T[] {
    if (this.#assumed.size === 0) return this.#store.list();
    return this.#store.list().map((object) => this.get(keyOf(object)) ?? object);
  }

  assume(object: T): void {
    this.#assumed.set(keyOf(object), object);
  }

  restore(key: string): void {
    this.#assumed.delete(key);
  }
}

/** Negative, 0 or positive as `a` is an older, the same or a newer version than `b`. */
export function compareVersions(a: KubeObject, b: KubeObject): number {
  return compareResourceVersions(a.metadata?.resourceVersion ?? "0", b.metadata?.resourceVersion ?? "0");
}
