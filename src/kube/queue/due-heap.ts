/** What a DueHeap holds. */
export interface DueEntry {
  due: number;
  /** Among entries that are due at the same time, the one with the lowest order leaves first. */
  order: number;
  /** Position in the heap. Only the heap writes it. */
  index: number;
}

/** Entries with the time at which they are due, the earliest first. */
export class DueHeap<T extends DueEntry> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The entry that is due first; undefined when there is none. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  put(entry: T): void {
    entry.index = this.#heap.length;
    this.#heap.push(entry);
    this.rise(entry);
  }

  /** Moves an entry up after its due time was made earlier. */
  rise(entry: T): void {
    while (entry.index > 0) {
      const at = (entry.index - 1) >> 1;
      const parent = this.#heap[at];
      if (parent === undefined || !before(entry, parent)) return;
      this.#place(parent, entry.index);
      this.#place(entry, at);
    }
  }

  /** Takes out the first entry if it is due by `limit`. */
  takeDue(limit: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.due > limit) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#place(last, 0);
      this.#sink(last);
    }
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #sink(entry: T): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      const child = right !== undefined && left !== undefined && before(right, left) ? right : left;
      if (child === undefined || !before(child, entry)) return;
      const at = child.index;
      this.#place(child, entry.index);
      this.#place(entry, at);
    }
  }

  #place(entry: T, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }
}

function before(a: DueEntry, b: DueEntry): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
