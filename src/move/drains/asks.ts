/*
 * Which evictions were asked for recently. Any replica answers an eviction with 429 and writes that
 * it was asked (status.asked of a LocalVolume, an annotation of a keeper). The leader reads those
 * values, and counts time on its own clock from when it saw a value change: clocks of replicas
 * differ.
 *
 * A keeper that is being deleted asks for as long as it is there:
 * `kubectl drain --disable-eviction` deletes it once and waits.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { ASKED_ANNOTATION } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";

/**
 * A drain that has not asked for this long has ended. kubectl asks every 5 s, cluster-autoscaler
 * every 10 s.
 */
export const ASKED_RECENTLY_MS = 30_000;

interface Seen {
  readonly value: string;
  readonly atMs: number;
}

export class Asks {
  readonly #clock: Clock;
  readonly #volumes = new Map<string, Seen>();
  readonly #keepers = new Map<string, Seen>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * When an eviction of a pod of the volume was last seen to be asked for, by `clock.monotonic()`.
   */
  volumeAskedAt(volume: Stored<LocalVolume>): number | undefined {
    return this.#see(this.#volumes, volume.metadata.name, volume.status?.asked?.at);
  }

  /** The same for a keeper: it asks for every volume of its node. */
  keeperAskedAt(keeper: Stored<Pod>): number | undefined {
    const { annotations, deletionTimestamp, name } = keeper.metadata;
    if (deletionTimestamp !== undefined) return this.#clock.monotonic();
    return this.#see(this.#keepers, name, annotations?.[ASKED_ANNOTATION]);
  }

  isRecent(askedAt: number | undefined): boolean {
    return askedAt !== undefined && this.#clock.monotonic() - askedAt <= ASKED_RECENTLY_MS;
  }

  /**
   * The first value seen of an object is dated by its own timestamp, as far as clocks agree; a
   * later one by when it was seen.
   */
  #see(seen: Map<string, Seen>, name: string, value: string | undefined): number | undefined {
    if (value === undefined) return undefined;
    const before = seen.get(name);
    if (before?.value === value) return before.atMs;
    const now = this.#clock.monotonic();
    const age = before === undefined ? Math.max(0, this.#clock.now() - Date.parse(value)) : 0;
    const atMs = now - (Number.isNaN(age) ? 0 : age);
    seen.set(name, { value, atMs });
    return atMs;
  }
}
