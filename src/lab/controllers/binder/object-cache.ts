// The worker's own copy of a collection, apart from the informer's.
//
// Only two things change it: the worker that takes an object out of its queue (`take`), and the
// controller's own writes (`take` with the answer). An object that is in the informer's cache but
// that the worker has not reached is not in here. That is why a bound claim can become Lost.
//
// Invariant: an object is never replaced by an older version. The same version is accepted, so that
// a resync processes it again.
import { keyOf, type KubeObject } from "../../../kube/objects.ts";
import { compareResourceVersions } from "../../../kube/watch/resource-version.ts";

export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** Stores the object. False when a newer version is here already: the object is to be ignored. */
  take(object: T): boolean {
    const key = keyOf(object);
    const known = this.#objects.get(key)?.metadata?.resourceVersion;
    if (known !== undefined && compareResourceVersions(known, object.metadata?.resourceVersion ?? "0") > 0)
      return false;
    this.#objects.set(key, object);
    return true;
  }

  delete(key: string): void {
    this.#objects.delete(key);
  }
}
