import { keyOf, uidOf, type KubeObject, type Stored } from "../objects.ts";

/** A change of one object. */
export interface Change<T> {
  readonly type: "added" | "updated" | "deleted";
  readonly key: string;
  /** The object now; for a deleted one, its last known state. */
  readonly object: T;
  /** The object before; only for `updated`. */
  readonly old?: T;
  /**
   * The delete was noticed by a relist or by a new object with the same name. Changes of the object
   * before its deletion may have been missed.
   */
  readonly finalStateUnknown?: boolean;
}

/** Objects by key (`namespace/name`). What it hands out is the cached object itself: read only. */
export interface Store<T> {
  get(key: string): T | undefined;
  list(): readonly T[];
  /**
   * The objects with this value in this index. Throws for an index that was not declared.
   */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}

/** Something with objects of one kind to read: an informer, or a list that was read once. */
export interface Cached<T extends KubeObject> {
  readonly store: Store<Stored<T>>;
}

/** Returns the values under which an index files an object. */
export type IndexFunction<T> = (object: T) => readonly string[];

const NONE: readonly never[] = Object.freeze([]);

/**
 * The only object under a value of an index. Most values (a claim, a UID) have one object. For ten
 * thousand objects a Map for each value would take megabytes.
 */
class Only<T> {
  readonly key: string;
  readonly object: T;

  constructor(key: string, object: T) {
    this.key = key;
    this.object = object;
  }
}

/** The objects under one value of an index, by key. */
type Filed<T> = Only<T> | Map<string, T>;

/** A Store that can be written to. Every write keeps the indexes exact. */
export class IndexedStore<T extends KubeObject> implements Store<T> {
  readonly #objects = new Map<string, T>();
  readonly #functions: ReadonlyMap<string, IndexFunction<T>>;
  /** Index → value → objects. */
  readonly #indexes: ReadonlyMap<string, Map<string, Filed<T>>>;
  /**
   * The values under which each key is filed, so that its entries are found even after the object
   * has changed: index, value, index, value, …
   */
  readonly #filed = new Map<string, readonly string[]>();
  readonly #onIndexError: (index: string, key: string, error: unknown) => void;
  #list: readonly T[] | undefined;

  /**
   * `onIndexError` is called when an index function throws. The object is then in the store but not
   * in that index.
   */
  constructor(
    indexes: Readonly<Record<string, IndexFunction<T>>>,
    onIndexError: (index: string, key: string, error: unknown) => void,
  ) {
    this.#functions = new Map(Object.entries(indexes));
    this.#indexes = new Map(Object.keys(indexes).map((name) => [name, new Map()]));
    this.#onIndexError = onIndexError;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  /** All objects, in an array that is shared until the next write. */
  list(): readonly T[] {
    this.#list ??= Object.freeze([...this.#objects.values()]);
    return this.#list;
  }

  byIndex(index: string, value: string): readonly T[] {
    const values = this.#indexes.get(index);
    if (values === undefined) throw new Error(`this store has no index ${index}`);
    const found = values.get(value);
    if (found === undefined) return NONE;
    return found instanceof Only ? [found.object] : [...found.values()];
  }

  /** Keys with their objects; deleting while going through it is fine. */
  entries(): IterableIterator<[string, T]> {
    return this.#objects.entries();
  }

  set(key: string, object: T): void {
    this.#unfile(key);
    this.#list = undefined;
    this.#objects.set(key, object);
    const filed: string[] = [];
    for (const [index, values] of this.#indexes) {
      for (const value of this.#valuesOf(index, key, object)) {
        const others = values.get(value);
        if (others === undefined) values.set(value, new Only(key, object));
        else if (others instanceof Map) others.set(key, object);
        else
          values.set(
            value,
            new Map([
              [others.key, others.object],
              [key, object],
            ]),
          );
        filed.push(index, value);
      }
    }
    if (filed.length > 0) this.#filed.set(key, filed);
  }

  delete(key: string): void {
    this.#unfile(key);
    if (this.#objects.delete(key)) this.#list = undefined;
  }

  #valuesOf(index: string, key: string, object: T): readonly string[] {
    try {
      return [...new Set(this.#functions.get(index)?.(object) ?? NONE)];
    } catch (error) {
      this.#onIndexError(index, key, error);
      return NONE;
    }
  }

  #unfile(key: string): void {
    const filed = this.#filed.get(key) ?? NONE;
    for (let at = 0; at < filed.length; at += 2) {
      const values = this.#indexes.get(filed[at] ?? "");
      const value = filed[at + 1] ?? "";
      const objects = values?.get(value);
      if (objects instanceof Map) objects.delete(key);
      // Remove empty values: they (UIDs, node names) would accumulate.
      if (objects instanceof Only || objects?.size === 0) values?.delete(value);
    }
    this.#filed.delete(key);
  }
}

/**
 * The changes from the stored object of the key to the new one. Empty when the version is the same.
 */
export function changesTo<T extends KubeObject>(old: T | undefined, object: T): readonly Change<T>[] {
  const key = keyOf(object);
  if (old === undefined) return [{ type: "added", key, object }];
  // Another uid is another object with the same name: handlers must see that the old one is gone.
  if (uidOf(old) !== uidOf(object)) {
    return [
      { type: "deleted", key, object: old, finalStateUnknown: true },
      { type: "added", key, object },
    ];
  }
  const version = object.metadata?.resourceVersion;
  if (version !== undefined && version === old.metadata?.resourceVersion) return NONE;
  return [{ type: "updated", key, object, old }];
}

/** Objects that were listed once, in the form of a cache. A faulty index function throws. */
export function cached<T extends KubeObject>(
  objects: readonly Stored<T>[] = [],
  indexes: Readonly<Record<string, IndexFunction<Stored<T>>>> = {},
): Cached<T> {
  const store = new IndexedStore<Stored<T>>(indexes, (_index, _key, error) => {
    throw error;
  });
  for (const object of objects) store.set(keyOf(object), object);
  return { store };
}
