import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Clock } from "../../effects/clock.ts";
import { TokenBucket } from "../../kube/pace/token-bucket.ts";
import { bytes } from "../../kube/quantity.ts";

/** How long a wait may go on by a limit that has changed meanwhile. */
const LOOK_AGAIN_MS = 500;
/** Less would take minutes or days for one piece, in the final pass with the pod down. */
const LEAST_BYTES = 64 * 1024;
/** More is no limit, and what is infinite cannot be counted with. */
const MOST_BYTES = Number.MAX_SAFE_INTEGER;

/** A limit in bytes per second, as it counts; undefined: none. */
export function limitOf(asked: number | undefined): number | undefined {
  return asked === undefined ? undefined : Math.min(MOST_BYTES, Math.max(LEAST_BYTES, asked));
}

/** Bytes per second that a move may be read and sent with; undefined: as fast as it goes. */
export function bandwidthOf(move: VolumeMove | undefined): number | undefined {
  const asked = move?.spec.bandwidth;
  return limitOf(asked === undefined ? undefined : Number(bytes(asked)));
}

/** Keeps the bytes that take part below a limit that may change, come and go at any time. */
export class Bandwidth {
  readonly #clock: Clock;
  readonly #limit: () => number | undefined;
  readonly #bucket: TokenBucket;

  /** @param limit Bytes per second; undefined: none. */
  constructor(clock: Clock, limit: () => number | undefined) {
    this.#clock = clock;
    this.#limit = limit;
    this.#bucket = new TokenBucket(clock, { perSecond: () => limit() ?? 0, burst: 0 });
  }

  /** Waits until all bytes that were taken before are paid, and takes these. */
  async take(count: number, signal: AbortSignal): Promise<void> {
    while (this.#limit() !== undefined) {
      const owed = this.#bucket.owedMs();
      if (owed === 0) {
        this.#bucket.reserve(count);
        return;
      }
      // What is left of a debt by rounding is less than any clock can measure.
      await this.#clock.sleep(Math.max(1, Math.min(owed, LOOK_AGAIN_MS)), signal);
    }
  }
}
