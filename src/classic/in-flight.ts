import type { Clock } from "../effects/clock.ts";
import { overlaps } from "./paths.ts";
import type { VolumeIndex } from "./places.ts";

/**
 * The directories this process is working on. Patterns may give two claims one directory; then one must not be removed while the other is being made.
 *
 *     busy ──made()──▶ made ──settled()──▶ settled ──(its PersistentVolume is in the index, or a minute has passed)──▶ forgotten
 *       └─release()──▶ forgotten
 *
 * Invariant: at any time, busy directories on one node do not overlap. `made` and `settled` cover the time in which the directory is there and its
 * PersistentVolume is not yet in the watch's store.
 */
export class InFlight {
  readonly #entries = new Map<string, Entry>();
  readonly #waiting: Waiter[] = [];
  readonly #clock: Clock;
  readonly #index: VolumeIndex;

  constructor(clock: Clock, index: VolumeIndex) {
    this.#clock = clock;
    this.#index = index;
  }

  /** Waits, first come first served, until no other volume's busy directory overlaps; `node` undefined is every node. Returns what ends it. */
  async hold(place: Place, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#waiting.some((waiter) => touches(waiter.place, place)) || this.#isBusy(place)) {
      await this.#turn(place, signal);
    } else {
      this.#entries.set(place.volume, { place, state: "busy" });
    }
    return () => {
      if (this.#entries.get(place.volume)?.state === "busy") this.#entries.delete(place.volume);
      this.#wake();
    };
  }

  /** The directory is there; its PersistentVolume may not be. */
  made(volume: string): void {
    const entry = this.#entries.get(volume);
    if (entry !== undefined) this.#entries.set(volume, { place: entry.place, state: "made" });
    this.#wake();
  }

  /** The PersistentVolume is stored. */
  settled(volume: string): void {
    const entry = this.#entries.get(volume);
    if (entry === undefined || entry.state === "busy") return;
    this.#entries.set(volume, { place: entry.place, state: "settled", at: this.#clock.monotonic() });
    this.#sweep();
  }

  forget(volume: string): void {
    this.#entries.delete(volume);
    this.#wake();
  }

  /** Another volume that has been made in an overlapping directory and whose PersistentVolume is not in the index yet. */
  madeNear(place: Place): string | undefined {
    this.#sweep();
    for (const { place: other, state } of this.#entries.values()) {
      if (state !== "busy" && touches(other, place) && !this.#index.has(other.volume)) return other.volume;
    }
    return undefined;
  }

  #isBusy(place: Place): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.state === "busy" && touches(entry.place, place)) return true;
    }
    return false;
  }

  #turn(place: Place, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason as Error);
        this.#wake();
      };
      const waiter: Waiter = {
        place,
        go: () => {
          signal.removeEventListener("abort", onAbort);
          this.#entries.set(place.volume, { place, state: "busy" });
          resolve();
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #wake(): void {
    for (let at = 0; at < this.#waiting.length;) {
      const waiter = this.#waiting[at];
      if (waiter === undefined) return;
      const behind = this.#waiting.slice(0, at).some((earlier) => touches(earlier.place, waiter.place));
      if (behind || this.#isBusy(waiter.place)) {
        at++;
      } else {
        this.#waiting.splice(at, 1);
        waiter.go();
      }
    }
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - MEMORY_MS;
    for (const [volume, { state, at = 0 }] of this.#entries) {
      if (state === "settled" && (at < oldest || this.#index.has(volume))) this.#entries.delete(volume);
    }
  }
}

/** A volume's directory. */
export interface Place {
  readonly volume: string;
  /** undefined: on every node. */
  readonly node: string | undefined;
  readonly path: string;
}

/** A watch that is a minute behind is broken, and then no answer is right. */
const MEMORY_MS = 60_000;

interface Entry {
  readonly place: Place;
  readonly state: "busy" | "made" | "settled";
  readonly at?: number;
}

interface Waiter {
  readonly place: Place;
  readonly go: () => void;
}

function touches(a: Place, b: Place): boolean {
  if (a.volume === b.volume) return false;
  return (a.node === undefined || b.node === undefined || a.node === b.node) && overlaps(a.path, b.path);
}
