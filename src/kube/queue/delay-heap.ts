import { DueHeap, type DueEntry } from "./due-heap.ts";

interface Entry extends DueEntry {
  readonly key: string;
}

/**
 * Keys with the time at which they are due, the earliest first. A key is in it once, under the
 * earliest time it was given. Keys due at the same time leave in the order in which they came.
 */
export class DelayHeap {
  readonly #heap = new DueHeap<Entry>();
  readonly #byKey = new Map<string, Entry>();
  #orders = 0;

  get size(): number {
    return this.#heap.size;
  }

  /** When the first key is due; undefined when there is none. */
  get nextDue(): number | undefined {
    return this.#heap.first?.due;
  }

  /** Puts a key in, or moves it forward; an earlier time it already has stays. */
  put(key: string, due: number): void {
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      if (due >= known.due) return;
      known.due = due;
      known.order = this.#orders++;
      this.#heap.rise(known);
      return;
    }
    const entry = { key, due, order: this.#orders++, index: 0 };
    this.#byKey.set(key, entry);
    this.#heap.put(entry);
  }

  /** Takes out the first key if it is due at `now`. */
  takeDue(now: number): string | undefined {
    const first = this.#heap.takeDue(now);
    if (first !== undefined) this.#byKey.delete(first.key);
    return first?.key;
  }

  clear(): void {
    this.#heap.clear();
    this.#byKey.clear();
  }
}
