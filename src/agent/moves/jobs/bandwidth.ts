import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import type { Clock } from "../../../effects/clock.ts";
import { TokenBucket } from "../../../kube/pace/token-bucket.ts";
import { bytes } from "../../../kube/quantity.ts";

/** The longest wait before the limit is read again, because it may have changed. */
const LOOK_AGAIN_MS = 500;
/** The lowest limit. With less, one piece would take minutes or days, with the pod down. */
const LEAST_BYTES = 64 * 1024;
/** The highest limit. Above it there is no limit, and Infinity cannot be used in sums. */
const MOST_BYTES = Number.MAX_SAFE_INTEGER;

/** The effective limit in bytes per second. Undefined: none. */
export function limitOf(asked: number | undefined): number | undefined {
  return asked === undefined ? undefined : Math.min(MOST_BYTES, Math.max(LEAST_BYTES, asked));
}

/** Bytes per second for reading and sending of a move. Undefined: no limit. */
export function bandwidthOf(move: VolumeMove | undefined): number | undefined {
  const asked = move?.spec.bandwidth;
  return limitOf(asked === undefined ? undefined : Number(bytes(asked)));
}

/** Keeps a flow of bytes below a limit. The limit may be set, changed and removed at any time. */
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

  /** Waits until the limit allows more bytes, then takes these. */
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
