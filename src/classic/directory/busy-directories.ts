import type { Clock } from "../../effects/clock.ts";
import { PathIndex } from "./path-index.ts";
import type { Location, VolumeIndex } from "./locations.ts";

/**
 * The directories this process is working on. Patterns may give two claims one directory; then one
 * must not be removed while the other is being made.
 *
 *     busy ──made()──▶ made ──stored()──▶ stored ──▶ forgotten, when its PersistentVolume is in
 *       └─release()──▶ forgotten                       the index, or a minute has passed
 *
 * Invariant: at any time, busy directories on one node do not overlap. `made` and `stored` cover
 * the time in which the directory is there and its PersistentVolume is not yet in the watch's
 * store. After a crash the create pods record the same (helper/pods/helper-pods.ts).
 */
export class BusyDirectories {
  /** By volume, as `#made`. */
  readonly #busy = new PathIndex<Location>();
  readonly #made = new PathIndex<Location>();
  /** When the PersistentVolumes were stored, oldest first. */
  readonly #stored = new Map<string, number>();
  /** Waiters for the same location, first come first served. */
  readonly #queues = new PathIndex<Waiter[]>();
  #arrivals = 0;
  readonly #clock: Clock;
  readonly #index: Pick<VolumeIndex, "has">;

  constructor(clock: Clock, index: Pick<VolumeIndex, "has">) {
    this.#clock = clock;
    this.#index = index;
  }

  /**
   * Waits, first come first served, until no other volume's busy directory overlaps; `node`
   * undefined is every node. Returns the function that releases the directory.
   */
  async hold(location: Location, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#isBlocked(location, Infinity)) await this.#turn(location, signal);
    else this.#busy.set(location.volume, location.path, location);
    return () => {
      if (this.#busy.get(location.volume) !== location) return;
      this.#busy.delete(location.volume);
      this.#wake(location);
    };
  }

  /** The busy directory is there; its PersistentVolume may not be. */
  made(volume: string): void {
    const location = this.#busy.get(volume);
    if (location !== undefined) this.#made.set(volume, location.path, location);
    this.#stored.delete(volume);
  }

  /** The PersistentVolume is stored. */
  stored(volume: string): void {
    if (this.#made.get(volume) !== undefined) this.#stored.set(volume, this.#clock.monotonic());
    this.#sweep();
  }

  /** The directory is gone, or will be made again. */
  forget(volume: string): void {
    this.#made.delete(volume);
    this.#stored.delete(volume);
  }

  /**
   * Another volume that has been made in an overlapping directory and whose PersistentVolume is not
   * in the index yet.
   */
  madeNear(location: Location): string | undefined {
    this.#sweep();
    return touching(this.#made, location).find(({ volume }) => !this.#index.has(volume))?.volume;
  }

  /** Whether a busy directory, or a waiter that came before `arrival`, overlaps. */
  #isBlocked(location: Location, arrival: number): boolean {
    if (touching(this.#busy, location).length > 0) return true;
    for (const queue of this.#queues.near(location.path)) {
      const first = queue.find((waiter) => waiter.location.volume !== location.volume);
      if (first !== undefined && first.arrival < arrival && touches(first.location, location)) return true;
    }
    return false;
  }

  #turn(location: Location, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const key = `${location.node ?? ""}\0${location.path}`;
      const queue = this.#queues.get(key) ?? [];
      const leave = (): void => {
        signal.removeEventListener("abort", onAbort);
        queue.splice(queue.indexOf(waiter), 1);
        if (queue.length === 0) this.#queues.delete(key);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason as Error);
        this.#wake(location);
      };
      const waiter: Waiter = {
        location,
        arrival: this.#arrivals++,
        go: () => {
          leave();
          this.#busy.set(location.volume, location.path, location);
          resolve();
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      queue.push(waiter);
      this.#queues.set(key, location.path, queue);
    });
  }

  /** Only the first waiter of each queue near the location can have its turn now. */
  #wake(location: Location): void {
    const heads = this.#queues.near(location.path).flatMap((queue) => queue.slice(0, 1));
    for (const head of heads.toSorted((a, b) => a.arrival - b.arrival)) {
      if (!this.#isBlocked(head.location, head.arrival)) head.go();
    }
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - MEMORY_MS;
    for (const [volume, at] of this.#stored) {
      if (at >= oldest && !this.#index.has(volume)) return;
      this.forget(volume);
    }
  }
}

/** A watch that is a minute behind is broken, and then no answer is right. */
const MEMORY_MS = 60_000;

interface Waiter {
  readonly location: Location;
  readonly arrival: number;
  readonly go: () => void;
}

function touching(index: PathIndex<Location>, location: Location): readonly Location[] {
  return index.near(location.path).filter((other) => touches(other, location));
}

/** Whether two locations overlap, given that their paths do. */
function touches(a: Location, b: Location): boolean {
  return a.volume !== b.volume && (a.node === undefined || b.node === undefined || a.node === b.node);
}
