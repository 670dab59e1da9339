import type { Clock } from "../../effects/clock.ts";
import { PathIndex } from "./path-index.ts";
import type { Place, VolumeIndex } from "./locations.ts";

/**
 * The directories this process is working on. Patterns may give two claims one directory; then one
 * must not be removed while the other is being made.
 *
 *     busy ──made()──▶ made ──settled()──▶ settled ──▶ forgotten, when its PersistentVolume is in
 *       └─release()──▶ forgotten                        the index, or a minute has passed
 *
 * Invariant: at any time, busy directories on one node do not overlap. `made` and `settled` cover
 * the time in which the directory is there and its PersistentVolume is not yet in the watch's
 * store. After a crash the create pods tell the same (helper/helper-pods.ts).
 */
export class InFlight {
  readonly #busy = new PlaceSet();
  readonly #made = new PlaceSet();
  /** When volumes were settled, oldest first. */
  readonly #settled = new Map<string, number>();
  /** Those who wait for the same place, first come first served, and where their places are. */
  readonly #queues = new Map<string, Waiter[]>();
  readonly #queuePaths = new PathIndex();
  #arrivals = 0;
  readonly #clock: Clock;
  readonly #index: Pick<VolumeIndex, "has">;

  constructor(clock: Clock, index: Pick<VolumeIndex, "has">) {
    this.#clock = clock;
    this.#index = index;
  }

  /**
   * Waits, first come first served, until no other volume's busy directory overlaps; `node`
   * undefined is every node. Returns what ends it.
   */
  async hold(place: Place, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#isBlocked(place, Infinity)) await this.#turn(place, signal);
    else this.#busy.set(place);
    return () => {
      if (this.#busy.get(place.volume) !== place) return;
      this.#busy.delete(place.volume);
      this.#wake(place);
    };
  }

  /** The busy directory is there; its PersistentVolume may not be. */
  made(volume: string): void {
    const place = this.#busy.get(volume);
    if (place !== undefined) this.#made.set(place);
    this.#settled.delete(volume);
  }

  /** The PersistentVolume is stored. */
  settled(volume: string): void {
    if (this.#made.get(volume) !== undefined) this.#settled.set(volume, this.#clock.monotonic());
    this.#sweep();
  }

  /** The directory is gone, or will be made again. */
  forget(volume: string): void {
    this.#made.delete(volume);
    this.#settled.delete(volume);
  }

  /**
   * Another volume that has been made in an overlapping directory and whose PersistentVolume is not
   * in the index yet.
   */
  madeNear(place: Place): string | undefined {
    this.#sweep();
    return this.#made.touching(place).find(({ volume }) => !this.#index.has(volume))?.volume;
  }

  /** By a busy directory, or by somebody who came before `arrival` and waits for one. */
  #isBlocked(place: Place, arrival: number): boolean {
    if (this.#busy.touching(place).length > 0) return true;
    for (const key of this.#queuePaths.near(place.path)) {
      const first = this.#queues.get(key)?.find((waiter) => waiter.place.volume !== place.volume);
      if (first !== undefined && first.arrival < arrival && touches(first.place, place)) return true;
    }
    return false;
  }

  #turn(place: Place, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const key = `${place.node ?? ""}\0${place.path}`;
      const queue = this.#queues.get(key) ?? [];
      const leave = (): void => {
        signal.removeEventListener("abort", onAbort);
        queue.splice(queue.indexOf(waiter), 1);
        if (queue.length > 0) return;
        this.#queues.delete(key);
        this.#queuePaths.delete(key);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason as Error);
        this.#wake(place);
      };
      const waiter: Waiter = {
        place,
        arrival: this.#arrivals++,
        go: () => {
          leave();
          this.#busy.set(place);
          resolve();
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      queue.push(waiter);
      this.#queues.set(key, queue);
      this.#queuePaths.set(key, place.path);
    });
  }

  /** Only the first of each queue near the place can have become free. */
  #wake(place: Place): void {
    const heads = [...this.#queuePaths.near(place.path)].flatMap((key) => this.#queues.get(key)?.slice(0, 1) ?? []);
    for (const head of heads.toSorted((a, b) => a.arrival - b.arrival)) {
      if (!this.#isBlocked(head.place, head.arrival)) head.go();
    }
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - MEMORY_MS;
    for (const [volume, at] of this.#settled) {
      if (at >= oldest && !this.#index.has(volume)) return;
      this.forget(volume);
    }
  }
}

/** A watch that is a minute behind is broken, and then no answer is right. */
const MEMORY_MS = 60_000;

interface Waiter {
  readonly place: Place;
  readonly arrival: number;
  readonly go: () => void;
}

/** Places by volume. */
class PlaceSet {
  readonly #places = new Map<string, Place>();
  readonly #paths = new PathIndex();

  get(volume: string): Place | undefined {
    return this.#places.get(volume);
  }

  set(place: Place): void {
    this.#places.set(place.volume, place);
    this.#paths.set(place.volume, place.path);
  }

  delete(volume: string): void {
    this.#places.delete(volume);
    this.#paths.delete(volume);
  }

  touching(place: Place): Place[] {
    const found: Place[] = [];
    for (const volume of this.#paths.near(place.path)) {
      const other = this.#places.get(volume);
      if (other !== undefined && touches(other, place)) found.push(other);
    }
    return found;
  }
}

/** The paths are known to overlap. */
function touches(a: Place, b: Place): boolean {
  return a.volume !== b.volume && (a.node === undefined || b.node === undefined || a.node === b.node);
}
