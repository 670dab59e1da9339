interface Entry {
  readonly key: string;
  due: number;
  /** Keys due at the same time leave in the order in which they came. */
  order: number;
  index: number;
}

/**
 * Keys with the time at which they are due, the earliest first. A key is in it once, under the
 * earliest time it was given.
 */
export class DelayHeap {
  readonly #heap: Entry[] = [];
  readonly #byKey = new Map<string, Entry>();
  #orders = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** When the first key is due; undefined when there is none. */
  get nextDue(): number | undefined {
    return this.#heap[0]?.due;
  }

  /** Puts a key in, or moves it forward; an earlier time it already has stays. */
  put(key: string, due: number): void {
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      if (due >= known.due) return;
      known.due = due;
      known.order = this.#orders++;
      this.#up(known);
      return;
    }
    const entry = { key, due, order: this.#orders++, index: this.#heap.length };
    this.#byKey.set(key, entry);
    this.#heap.push(entry);
    this.#up(entry);
  }

  /** Takes out the first key if it is due at `now`. */
  takeDue(now: number): string | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.due > now) return undefined;
    this.#byKey.delete(first.key);
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#place(last, 0);
      this.#down(last);
    }
    return first.key;
  }

  clear(): void {
    this.#heap.length = 0;
    this.#byKey.clear();
  }

  #up(entry: Entry): void {
    while (entry.index > 0) {
      const at = (entry.index - 1) >> 1;
      const parent = this.#heap[at];
      if (parent === undefined || !before(entry, parent)) return;
      this.#place(parent, entry.index);
      this.#place(entry, at);
    }
  }

  #down(entry: Entry): void {
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

  #place(entry: Entry, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
