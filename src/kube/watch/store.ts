import { keyOf, uidOf, type KubeObject, type Stored } from "../objects.ts";

/** What has become of one object. */
export interface Change<T> {
  readonly type: "added" | "updated" | "deleted";
  readonly key: string;
  /** The object now; of a deleted one the last that is known. */
  readonly object: T;
  /** The object before; only for `updated`. */
  readonly old?: T;
  /**
   * The delete was found by a relist (or by a new object in its place): what happened to the object
   * before it went was not seen.
   */
  readonly finalStateUnknown?: boolean;
}

/** Objects by key (`namespace/name`). What it hands out is the cached object itself: read only. */
export interface Store<T> {
  get(key: string): T | undefined;
  list(): readonly T[];
  /**
   * The objects that the index function of this name gave this value. Throws for an index that was
   * not declared.
   */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}

/** Whoever holds objects of a kind to read: an informer, or a list that was read once. */
export interface Cached<T extends KubeObject> {
  readonly store: Store<Stored<T>>;
}

/** Gives an object the values under which an index finds it. */
export type IndexFunction<T> = (object: T) => readonly string[];

const NONE: readonly never[] = Object.freeze([]);

/** A Store that can be written to. Every write keeps the indexes exact. */
export class IndexedStore<T extends KubeObject> implements Store<T> {
  readonly #objects = new Map<string, T>();
  readonly #functions: ReadonlyMap<string, IndexFunction<T>>;
  /** Index → value → key → object. */
  readonly #indexes: ReadonlyMap<string, Map<string, Map<string, T>>>;
  /**
   * Under which values each key is filed, so that it is found again whatever happened to the
   * object.
   */
  readonly #filed = new Map<string, readonly (readonly [index: string, value: string])[]>();
  readonly #onIndexError: (index: string, key: string, error: unknown) => void;
  #list: readonly T[] | undefined;

  /**
   * `onIndexError` is told when an index function throws; the object is then in the store but not
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
    return found === undefined ? NONE : [...found.values()];
  }

  /** Keys with their objects; deleting while going through it is fine. */
  entries(): IterableIterator<[string, T]> {
    return this.#objects.entries();
  }

  set(key: string, object: T): void {
    this.#unfile(key);
    this.#list = undefined;
    this.#objects.set(key, object);
    const filed: (readonly [string, string])[] = [];
    for (const [index, values] of this.#indexes) {
      for (const value of this.#valuesOf(index, key, object)) {
        let keys = values.get(value);
        if (keys === undefined) values.set(value, (keys = new Map()));
        keys.set(key, object);
        filed.push([index, value]);
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
    for (const [index, value] of this.#filed.get(key) ?? NONE) {
      const values = this.#indexes.get(index);
      const keys = values?.get(value);
      keys?.delete(key);
      // Values come and go (UIDs, node names): empty ones must not stay.
      if (keys?.size === 0) values?.delete(value);
    }
    this.#filed.delete(key);
  }
}

/**
 * The changes that lead from what is stored under the object's key to the object: none when it is
 * the same version of it.
 */
export function changesTo<T extends KubeObject>(old: T | undefined, object: T): readonly Change<T>[] {
  const key = keyOf(object);
  if (old === undefined) return [{ type: "added", key, object }];
  // Another uid is another object, although it has the name: whoever held on to the old one must
  // let go.
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
