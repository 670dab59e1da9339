import { keyOf, type KubeObject, type Stored } from "../../../kube/objects.ts";
import { changesTo, IndexedStore, type Change } from "../../../kube/watch/store.ts";

/** An informer without a server: a test puts its objects. */
export class FakeInformer<T extends KubeObject = KubeObject> {
  readonly store = new IndexedStore<Stored<T>>({}, () => undefined);
  readonly #handlers = new Set<(change: Change<Stored<T>>) => void>();
  #version = 0;

  onChange(handler: (change: Change<Stored<T>>) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  put(name: string, object: object, metadata: object = {}): void {
    this.#version += 1;
    const known = { name, uid: name, resourceVersion: String(this.#version), ...metadata };
    const now = { ...object, metadata: known } as Stored<T>;
    const changes = changesTo(this.store.get(keyOf(now)), now);
    this.store.set(keyOf(now), now);
    for (const change of changes) for (const handler of this.#handlers) handler(change);
  }

  remove(name: string): void {
    const object = this.store.get(name);
    if (object === undefined) return;
    this.store.delete(name);
    for (const handler of this.#handlers) handler({ type: "deleted", key: name, object });
  }
}
