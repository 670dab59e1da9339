/** Something that is to be done at a time; `undefined` once it has been cancelled. */
export interface Timer {
  readonly due: number;
  /** Timers that are due at the same time fire in the order in which they were set. */
  readonly order: number;
  callback: (() => void) | undefined;
}

/** Timers, the earliest first. Cancelled ones stay until they come up: they cost nothing then. */
export class TimerHeap {
  readonly #heap: Timer[] = [];

  put(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const at = (index - 1) >> 1;
      const parent = heap[at];
      if (parent === undefined || !before(timer, parent)) break;
      heap[index] = parent;
      index = at;
    }
    heap[index] = timer;
  }

  /** Takes out the first timer that has not been cancelled, if it is due by `limit`. */
  takeDue(limit: number): Timer | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.due <= limit; first = this.#heap[0]) {
      this.#dropFirst();
      if (first.callback !== undefined) return first;
    }
    return undefined;
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const useRight = left !== undefined && right !== undefined && before(right, left);
      const child = useRight ? right : left;
      if (child === undefined || !before(child, last)) break;
      heap[index] = child;
      index = 2 * index + (useRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
