// All objects of the lab, and the history of their recent changes.
//
// One counter numbers every change of every object (its resourceVersion). A change is one
// synchronous step: counter, object, history and listeners, in that order. The last `historyLimit`
// changes are kept, each with the object before and after, so that every state since then can be
// read again.
//
// Invariants: objects are deeply frozen and shared by the store, its history and all readers.
// Versions in the history are contiguous and end at `version`. A request for a version older than
// `oldest` is Expired.
import { deepFreeze } from "../../kube/watch/freeze.ts";
import type { LabObject } from "./object.ts";

/**
 * One change. `after` is undefined when the object was removed; `last` then is its last state with
 * the version of the removal.
 */
export interface Change {
  readonly version: number;
  readonly collection: string;
  readonly key: string;
  readonly before: LabObject | undefined;
  readonly after: LabObject | undefined;
  /** `after`, or the last state of what was removed. */
  readonly last: LabObject;
}

/** The asked version is no longer known. */
export class Compacted extends Error {
  override readonly name = "Compacted";
  readonly version: number;
  readonly oldest: number;

  constructor(version: number, oldest: number) {
    super(`version ${String(version)} is older than ${String(oldest)}`);
    this.version = version;
    this.oldest = oldest;
  }
}

export interface StoreOptions {
  /** How many changes are remembered. */
  readonly historyLimit: number;
}

interface Collection {
  readonly objects: Map<string, LabObject>;
  /** Keys in order, as lists give them; undefined after a key came or went. */
  sorted: readonly string[] | undefined;
  readonly listeners: Set<(change: Change) => void>;
}

export class Store {
  readonly #limit: number;
  readonly #collections = new Map<string, Collection>();
  #history: Change[] = [];
  #version: number;

  constructor(options: StoreOptions, firstVersion = 0) {
    this.#limit = options.historyLimit;
    this.#version = firstVersion;
  }

  /** The version of the latest change. */
  get version(): number {
    return this.#version;
  }

  /** The oldest version that can still be looked at, and watched from. */
  get oldest(): number {
    return this.#version - this.#history.length;
  }

  /** The names of all collections that ever had an object. */
  collections(): string[] {
    return [...this.#collections.keys()];
  }

  read(collection: string, key: string): LabObject | undefined {
    return this.#collections.get(collection)?.objects.get(key);
  }

  count(collection: string): number {
    return this.#collections.get(collection)?.objects.size ?? 0;
  }

  /**
   * The objects whose key starts with `prefix`, in the order of their keys, as they are or as they
   * were `at` a version. Throws Compacted.
   */
  list(collection: string, prefix = "", at: number = this.#version): LabObject[] {
    const entry = this.#collections.get(collection);
    if (at === this.#version) return entry === undefined ? [] : present(entry, prefix);
    const then = new Map(entry?.objects);
    for (const change of this.since(at).reverse()) {
      if (change.collection !== collection) continue;
      if (change.before === undefined) then.delete(change.key);
      else then.set(change.key, change.before);
    }
    return present({ objects: then, sorted: undefined }, prefix);
  }

  /** The changes after a version, oldest first. Throws Compacted. */
  since(version: number): Change[] {
    if (version < this.oldest) throw new Compacted(version, this.oldest);
    return this.#history.slice(Math.max(this.#history.length - (this.#version - version), 0));
  }

  /** Stores an object; its resourceVersion is set here. */
  write(collection: string, key: string, object: LabObject): LabObject {
    const entry = this.#entry(collection);
    const before = entry.objects.get(key);
    const after = this.#stamp(object);
    entry.objects.set(key, after);
    if (before === undefined) entry.sorted = undefined;
    this.#record(entry, { version: this.#version, collection, key, before, after, last: after });
    return after;
  }

  /** Removes an object; `last` is what its watchers see it end as. */
  remove(collection: string, key: string, last: LabObject): LabObject {
    const entry = this.#entry(collection);
    const before = entry.objects.get(key);
    const stamped = this.#stamp(last);
    entry.objects.delete(key);
    entry.sorted = undefined;
    this.#record(entry, { version: this.#version, collection, key, before, after: undefined, last: stamped });
    return stamped;
  }

  /**
   * Calls `listener` within each change of the collection. It must not throw nor write. Returns the
   * way to stop it.
   */
  listen(collection: string, listener: (change: Change) => void): () => void {
    const { listeners } = this.#entry(collection);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /**
   * Forgets all changes up to now, as etcd's compaction does with those of more than five minutes
   * ago.
   */
  compact(): void {
    this.#history = [];
  }

  #stamp(object: LabObject): LabObject {
    this.#version += 1;
    return deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } });
  }

  #record(entry: Collection, change: Change): void {
    this.#history.push(change);
    // In one cut of many instead of one by one.
    if (this.#history.length > 2 * this.#limit) this.#history = this.#history.slice(-this.#limit);
    for (const listener of entry.listeners) listener(change);
  }

  #entry(collection: string): Collection {
    let entry = this.#collections.get(collection);
    if (entry === undefined) {
      entry = { objects: new Map(), sorted: undefined, listeners: new Set() };
      this.#collections.set(collection, entry);
    }
    return entry;
  }
}

function present(entry: Pick<Collection, "objects" | "sorted">, prefix: string): LabObject[] {
  entry.sorted ??= [...entry.objects.keys()].sort();
  const found: LabObject[] = [];
  for (const key of entry.sorted) {
    const object = key.startsWith(prefix) ? entry.objects.get(key) : undefined;
    if (object !== undefined) found.push(object);
  }
  return found;
}
