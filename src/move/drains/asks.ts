/*
 * Which evictions were requested recently. Any replica may answer an eviction with 429, and then
 * records the request (status.asked of a LocalVolume, an annotation of a keeper). The leader reads
 * these records. It counts the time on its own clock, from the moment at which it sees a record
 * change, because the clocks of the replicas differ.
 *
 * The record of a volume names the epoch in which the request was made. It counts in that epoch
 * only: in the next one the volume is on another node, and if that node is cordoned, nobody has
 * asked for its pods yet. Neither clocks nor caches that are behind matter for this, because the
 * epoch and the record are read from one version of the LocalVolume.
 *
 * A keeper that is being deleted counts as a request for as long as it exists, because
 * `kubectl drain --disable-eviction` deletes it only once and then waits.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { ASKED_ANNOTATION } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { epochOfAsked, isFromBeforeMove } from "../hold/asked-epoch.ts";

/**
 * A drain counts as ended when it has requested no eviction for this time. kubectl repeats a
 * request every 5 s, cluster-autoscaler every 10 s.
 */
export const ASKED_RECENTLY_MS = 30_000;

interface Seen {
  readonly at: string;
  readonly epoch: number | undefined;
  readonly seenAtMs: number;
}

export class Asks {
  readonly #clock: Clock;
  /**
   * The last record of each volume and keeper, by UID. That of a volume is kept after a move, until
   * there is another one: without it the next record would be judged by the clock of its replica.
   */
  readonly #seen = new Map<string, Seen>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many volumes and keepers it remembers. */
  get size(): number {
    return this.#seen.size;
  }

  /**
   * When a request for an eviction of the volume's pods was last seen, by `clock.monotonic()`.
   * Undefined: none where the volume is now.
   */
  volumeAskedAt(volume: Stored<LocalVolume>): number | undefined {
    const { asked } = volume.status ?? {};
    if (asked === undefined) return undefined;
    const epoch = epochOfAsked(asked) ?? this.#guessEpoch(volume, asked.at);
    const seenAtMs = this.#see(volume.metadata.uid, asked.at, epoch);
    return epoch === volume.spec.epoch ? seenAtMs : undefined;
  }

  /** The same for a keeper. Its eviction counts as a request for every volume of its node. */
  keeperAskedAt(keeper: Stored<Pod>): number | undefined {
    const { annotations, deletionTimestamp, uid } = keeper.metadata;
    if (deletionTimestamp !== undefined) return this.#clock.monotonic();
    const at = annotations?.[ASKED_ANNOTATION];
    return at === undefined ? undefined : this.#see(uid, at);
  }

  isRecent(askedAt: number | undefined): boolean {
    return askedAt !== undefined && this.#clock.monotonic() - askedAt <= ASKED_RECENTLY_MS;
  }

  /** The volume or pod with this UID does not exist any more. */
  forget(uid: string): void {
    this.#seen.delete(uid);
  }

  /**
   * Of a record that does not name its epoch: a replica of the version before has written it, or
   * the kinds are still those of that version. It belongs to the epoch in which it was first seen.
   * A new leader has not seen the volume on its old node, and judges by the times.
   */
  #guessEpoch({ metadata: { uid }, spec: { epoch }, status }: Stored<LocalVolume>, at: string): number | undefined {
    const before = this.#seen.get(uid);
    if (before?.at === at) return before.epoch;
    return before === undefined && isFromBeforeMove(status ?? {}) ? undefined : epoch;
  }

  /**
   * The time of the first record of an object is its own timestamp, as far as the clocks agree. The
   * time of a later record is the moment at which this leader sees it.
   */
  #see(uid: string, at: string, epoch?: number): number {
    const before = this.#seen.get(uid);
    if (before?.at === at && before.epoch === epoch) return before.seenAtMs;
    const now = this.#clock.monotonic();
    const age = before === undefined ? Math.max(0, this.#clock.now() - Date.parse(at)) : 0;
    const seenAtMs = now - (Number.isNaN(age) ? 0 : age);
    this.#seen.set(uid, { at, epoch, seenAtMs });
    return seenAtMs;
  }
}
