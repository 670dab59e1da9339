/** A map with a limited number of entries. A new entry evicts the least recently used one. */
export class Lru<V> {
  readonly #most: number;
  /** In the order of their last use. */
  readonly #entries = new Map<string, V>();

  constructor(most: number) {
    this.#most = most;
  }

  getOrMake(key: string, make: () => V): V {
    const value = this.#entries.get(key) ?? make();
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#most) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return value;
  }
}
