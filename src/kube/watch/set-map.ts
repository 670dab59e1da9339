const EMPTY: ReadonlySet<never> = new Set();

/** Sets by key. A set that becomes empty is dropped, so that keys do not accumulate. */
export class SetMap<K, V> {
  readonly #sets = new Map<K, Set<V>>();

  /** Empty for a key without values. */
  get(key: K): ReadonlySet<V> {
    return this.#sets.get(key) ?? EMPTY;
  }

  /** The keys that have values. */
  keys(): Iterable<K> {
    return this.#sets.keys();
  }

  add(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([value]));
    else set.add(value);
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key);
    set?.delete(value);
    if (set?.size === 0) this.#sets.delete(key);
  }
}
