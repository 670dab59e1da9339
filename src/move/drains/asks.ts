/*
 * Which evictions were requested recently. Any replica may answer an eviction with 429, and then
 * records the request (status.asked of a LocalVolume, an annotation of a keeper). The leader reads
 * these records. It counts the time on its own clock, from the moment at which it sees a record
 * change, because the clocks of the replicas differ.
 *
 * A keeper that is being deleted counts as a request for as long as it exists, because
 * `kubectl drain --disable-eviction` deletes it only once and then waits.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { ASKED_ANNOTATION } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";

/**
 * A drain counts as ended when it has requested no eviction for this time. kubectl repeats a
 * request every 5 s, cluster-autoscaler every 10 s.
 */
export const ASKED_RECENTLY_MS = 30_000;

interface Seen {
  readonly value: string;
  readonly atMs: number;
  /** Of the volume, when the record was first seen. */
  readonly epoch: number | undefined;
}

export class Asks {
  readonly #clock: Clock;
  readonly #volumes = new Map<string, Seen>();
  readonly #keepers = new Map<string, Seen>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * When a request for an eviction of the volume's pods was last seen, by `clock.monotonic()`. One
   * from before a move was about another node: if the new one is cordoned, nobody has asked for
   * its pods yet.
   */
  volumeAskedAt({
    metadata: { name },
    spec,
    status: { asked, movedAt } = {},
  }: Stored<LocalVolume>): number | undefined {
    // A new leader has not seen the volume on its old node. Clocks that differ cost one request.
    const isOld = !this.#volumes.has(name) && asked !== undefined && Date.parse(asked.at) <= Date.parse(movedAt ?? "");
    const atMs = this.#see(this.#volumes, name, asked?.at, isOld ? spec.epoch - 1 : spec.epoch);
    return isOld ? undefined : atMs;
  }

  /** The same for a keeper. Its eviction counts as a request for every volume of its node. */
  keeperAskedAt(keeper: Stored<Pod>): number | undefined {
    const { annotations, deletionTimestamp, name } = keeper.metadata;
    if (deletionTimestamp !== undefined) return this.#clock.monotonic();
    return this.#see(this.#keepers, name, annotations?.[ASKED_ANNOTATION]);
  }

  isRecent(askedAt: number | undefined): boolean {
    return askedAt !== undefined && this.#clock.monotonic() - askedAt <= ASKED_RECENTLY_MS;
  }

  /**
   * The time of the first record of an object is its own timestamp, as far as the clocks agree. The
   * time of a later record is the moment at which this leader sees it.
   */
  #see(seen: Map<string, Seen>, name: string, value: string | undefined, epoch?: number): number | undefined {
    if (value === undefined) return undefined;
    const before = seen.get(name);
    if (before?.value === value) return before.epoch === epoch ? before.atMs : undefined;
    const now = this.#clock.monotonic();
    const age = before === undefined ? Math.max(0, this.#clock.now() - Date.parse(value)) : 0;
    const atMs = now - (Number.isNaN(age) ? 0 : age);
    seen.set(name, { value, atMs, epoch });
    return atMs;
  }
}
