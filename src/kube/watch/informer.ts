// A local copy of a collection, and the handlers of its changes.
//
//   idle ── run ──▶ listing ── first list delivered ──▶ synced
//     ▲                └──────── signal aborted ──────────┤
//     └──────── the store and hasSynced stay ◀────────────┘
//
// * The store is written first, then the handlers are called, synchronously and in order. So the
//   store contains at least the change that a handler is called with. A list is one write: the
//   handlers that it causes see all of it in the store.
// * When the object of a key gets another uid, handlers see a delete of the old object and an add
//   of the new one, both from a watch and from a list.
// * Only a compact copy of the projection of an object is stored: the rest is dropped before.
// * A handler, projection or index function that throws is logged and counted, and does not affect
//   the others. An object whose projection throws keeps its previous state in the store.
// * seen: the newest resourceVersion that the store reflects. It only moves forward, except by a
//   list (a server that was restored from a backup has a lower version).
import { background } from "../../observe/background.ts";
import type { Log } from "../../observe/log.ts";
import { compactor } from "./compact.ts";
import { deepFreeze } from "./freeze.ts";
import { keyOf, uidOf, type KubeObject, type Stored } from "../objects.ts";
import { slim } from "./projection.ts";
import { labelOf, reflect, type ReflectorDeps, type ReflectorSpec } from "./reflector.ts";
import { compareResourceVersions, isComparable } from "./resource-version.ts";
import { changesTo, IndexedStore, type Change, type IndexFunction, type Store } from "./store.ts";
import { Waiters } from "../waiters.ts";

export interface InformerDeps extends ReflectorDeps {
  /**
   * Deep-freezes objects before they are stored, so that code that changes a cached object by
   * mistake gets a TypeError. Costs time; tests turn it on.
   */
  readonly freeze?: boolean;
}

export interface InformerSpec<T extends KubeObject, P extends KubeObject = T> extends ReflectorSpec<T> {
  /**
   * The part of an object to keep. It must keep name, namespace, uid and resourceVersion. @default
   * everything but managedFields and the last-applied annotation
   */
  readonly project?: (object: T) => P;
  readonly indexes?: Readonly<Record<string, IndexFunction<P>>>;
}

type Handler<P> = (change: Change<P>) => void;

/** A local, indexed copy of a collection, kept up to date by a list and a watch. */
export class Informer<T extends KubeObject, P extends KubeObject = T> {
  readonly #deps: InformerDeps;
  readonly #spec: InformerSpec<T, P>;
  readonly #project: (object: T) => P;
  readonly #compact = compactor();
  readonly #name: string;
  readonly #log: Log;
  readonly #store: IndexedStore<Stored<P>>;
  readonly #handlers = new Set<{ readonly call: Handler<Stored<P>> }>();
  readonly #syncWaiters = new Waiters<undefined>();
  readonly #versionWaiters = new Waiters<string>();
  #listing = new Map<string, Stored<P>>();
  #seen: string | undefined;
  #synced = false;
  #running = false;

  constructor(deps: InformerDeps, spec: InformerSpec<T, P>) {
    this.#deps = deps;
    this.#spec = spec;
    this.#name = labelOf(spec.resource);
    this.#log = deps.log.child({ resource: this.#name });
    // Without a projection P is T by the type parameter's default.
    this.#project = spec.project ?? ((object) => slim(object) as KubeObject as P);
    this.#store = new IndexedStore<Stored<P>>(spec.indexes ?? {}, (index, key, error) => {
      this.#failed("index function failed", error, { index, key });
    });
  }

  get store(): Store<Stored<P>> {
    return this.#store;
  }

  /** True once the first complete list has been delivered to the handlers. */
  get hasSynced(): boolean {
    return this.#synced;
  }

  /**
   * Calls `handler` with `added` for each object in the store, before this returns, and then with
   * every change. Returns a function that unsubscribes it.
   */
  onChange(handler: Handler<Stored<P>>): () => void {
    const entry = { call: handler };
    for (const object of this.#store.list()) this.#call(entry, { type: "added", key: keyOf(object), object });
    this.#handlers.add(entry);
    return () => {
      this.#handlers.delete(entry);
    };
  }

  /**
   * Lists and watches until the signal is aborted. Never rejects because of what a server does. May
   * be called again after it has ended.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#running) throw new Error("this informer is running already");
    this.#running = true;
    try {
      await reflect(
        this.#deps,
        this.#spec,
        {
          listing: () => {
            this.#listing = new Map();
          },
          page: (items) => {
            for (const item of items) this.#collect(item);
          },
          listed: (resourceVersion) => {
            this.#replace(resourceVersion);
          },
          event: (type, object, resourceVersion) => {
            this.#apply(type, object);
            this.#saw(resourceVersion);
          },
          bookmark: (resourceVersion) => {
            this.#saw(resourceVersion);
          },
        },
        signal,
      );
    } finally {
      this.#running = false;
      this.#listing = new Map();
    }
  }

  /**
   * Resolves after the first complete list has been delivered to the handlers. May be called before
   * `run`.
   */
  async synced(signal?: AbortSignal): Promise<void> {
    if (this.#synced) return;
    await this.#syncWaiters.wait(undefined, signal);
  }

  /**
   * Resolves when the store has seen this resourceVersion or a later one. Use it to wait until the
   * store reflects a write of one's own. Throws for a version that cannot be compared.
   */
  async waitFor(resourceVersion: string, signal?: AbortSignal): Promise<void> {
    if (this.#seen !== undefined && compareResourceVersions(this.#seen, resourceVersion) >= 0) return;
    if (!isComparable(resourceVersion)) throw new RangeError(`${resourceVersion} is not a resourceVersion`);
    await this.#versionWaiters.wait(resourceVersion, signal);
  }

  #collect(item: T): void {
    const object = this.#projected(item);
    if (object !== undefined) this.#listing.set(keyOf(object), object);
  }

  #replace(resourceVersion: string): void {
    const listed = this.#listing;
    this.#listing = new Map();
    const changes: Change<Stored<P>>[] = [];
    for (const [key, object] of this.#store.entries()) {
      if (listed.has(key)) continue;
      changes.push({ type: "deleted", key, object, finalStateUnknown: true });
      this.#store.delete(key);
    }
    for (const [key, object] of listed) {
      const found = changesTo(this.#store.get(key), object);
      if (found.length > 0) this.#store.set(key, object);
      changes.push(...found);
    }
    this.#deliver(changes);
    this.#seen = undefined;
    if (!this.#synced) {
      this.#synced = true;
      this.#syncWaiters.release(() => true);
      this.#log.debug("informer has synced", { objects: this.#store.size });
    }
    this.#saw(resourceVersion);
  }

  #apply(type: "ADDED" | "MODIFIED" | "DELETED", item: T): void {
    const object = this.#projected(item);
    if (object === undefined) return;
    const key = keyOf(object);
    const old = this.#store.get(key);
    if (type !== "DELETED") {
      const changes = changesTo(old, object);
      if (changes.length > 0) this.#store.set(key, object);
      this.#deliver(changes);
    } else if (old !== undefined) {
      this.#store.delete(key);
      // Events come in order: if the deleted object has another uid than the stored one, the stored
      // one was deleted before it.
      const same = uidOf(old) === uidOf(object);
      this.#deliver([
        same ? { type: "deleted", key, object } : { type: "deleted", key, object: old, finalStateUnknown: true },
      ]);
    }
  }

  /** The projection of an object, or the stored state when the projection throws. */
  #projected(item: T): Stored<P> | undefined {
    try {
      const object = this.#compact(this.#project(item) as Stored<P>);
      return this.#deps.freeze === true ? deepFreeze(object) : object;
    } catch (error) {
      const key = keyOf(item);
      this.#failed("projection failed, keeping the known state", error, { key });
      return this.#store.get(key);
    }
  }

  /**
   * The handlers that exist when a batch begins get all of it. One that is added meanwhile has got
   * the state after the batch.
   */
  #deliver(changes: readonly Change<Stored<P>>[]): void {
    const handlers = [...this.#handlers];
    for (const change of changes) {
      for (const handler of handlers) {
        if (this.#handlers.has(handler)) this.#call(handler, change);
      }
    }
    if (changes.length > 0) this.#deps.metrics?.objects(this.#name, this.#store.size);
  }

  #call(handler: { readonly call: Handler<Stored<P>> }, change: Change<Stored<P>>): void {
    const failed = (error: unknown): void => {
      this.#failed("informer handler failed", error, { key: change.key, change: change.type });
    };
    try {
      const result: unknown = handler.call(change);
      // TypeScript accepts an async handler here. Its rejection would end the process.
      if (result instanceof Promise) void background(this.#log, "informer handler", result.catch(failed));
    } catch (error) {
      failed(error);
    }
  }

  #failed(msg: string, error: unknown, fields: Readonly<Record<string, unknown>>): void {
    this.#deps.metrics?.handlerFailed(this.#name);
    this.#log.error(msg, { ...fields, err: error });
  }

  #saw(resourceVersion: string): void {
    if (!isComparable(resourceVersion)) return;
    if (this.#seen !== undefined && compareResourceVersions(resourceVersion, this.#seen) <= 0) return;
    this.#seen = resourceVersion;
    this.#versionWaiters.release((wanted) => compareResourceVersions(resourceVersion, wanted) >= 0);
  }
}
