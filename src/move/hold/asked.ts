/*
 * Records that an eviction was requested, so that the leader sees it, whichever replica answered.
 * The record is in the status of each LocalVolume, or in an annotation of a keeper. It is written
 * at most every ten seconds for each object. If the write fails, the answer to the eviction stays
 * the same: the evictor asks again (kubectl after 5 s), and the record is written then.
 *
 * The record of a volume names the epoch of the volume that the eviction was about, and counts in
 * that epoch only (../drains/asks.ts). The write also carries the resourceVersion that this replica
 * has read, so a replica whose cache is behind a move writes nothing: it cannot replace a newer
 * record. What was really asked of the new node is written at the next request.
 *
 * After a crash before the write there is no record, or the one of the request before. The evictor
 * asks again, as it does after every answer but a success, and another replica records it. After a
 * crash after the write the record is complete, and any leader reads it. If the other replica is of
 * a version that does not know the epoch, its record has none (asked-epoch.ts).
 */
import { localVolumes } from "../../api/kinds/local-volume.ts";
import { ASKED_ANNOTATION } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import { pods } from "../../kube/kinds.ts";
import { background } from "../../observe/background.ts";
import type { Log } from "../../observe/log.ts";
import type { AskRecord } from "./decide.ts";

export interface AskedDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
}

const EVERY_MS = 10_000;

export class AskedRecorder {
  readonly #deps: AskedDeps;
  /** Of the last ten seconds. */
  readonly #writtenAt = new Map<string, number>();

  constructor(deps: AskedDeps) {
    this.#deps = deps;
  }

  /** How many objects it has written lately. */
  get size(): number {
    return this.#writtenAt.size;
  }

  /** Returns at once, and never fails. */
  record({ gracePeriodSeconds, keeper, volumes }: AskRecord): void {
    const { clock, log } = this.#deps;
    this.#prune();
    const at = new Date(clock.now()).toISOString();
    for (const volume of volumes) {
      // A request in the next epoch is another one, however soon it comes.
      const key = `volume ${volume.uid} ${String(volume.epoch)}`;
      this.#every(key, () =>
        background(log, "writing that an eviction was asked for", this.#volume(key, volume, at, gracePeriodSeconds)),
      );
    }
    if (keeper === undefined) return;
    const key = `keeper ${keeper.name}`;
    this.#every(key, () =>
      background(log, "writing that a keeper's eviction was asked for", this.#keeper(key, keeper, at)),
    );
  }

  #prune(): void {
    const now = this.#deps.clock.monotonic();
    for (const [key, at] of this.#writtenAt) if (now - at >= EVERY_MS) this.#writtenAt.delete(key);
  }

  #every(key: string, write: () => Promise<void>): void {
    if (this.#writtenAt.has(key)) return;
    this.#writtenAt.set(key, this.#deps.clock.monotonic());
    void write();
  }

  async #volume(
    key: string,
    { epoch, name, resourceVersion, uid }: AskRecord["volumes"][number],
    at: string,
    gracePeriodSeconds: number | undefined,
  ): Promise<void> {
    // A merge patch keeps what it does not name: all fields of the last record are replaced.
    const asked = { at, gracePeriodSeconds: gracePeriodSeconds ?? null, epoch, epochAt: at };
    await this.#write(key, () =>
      this.#deps.client.patchMerge(
        localVolumes,
        { name },
        { metadata: { uid, resourceVersion }, status: { asked } },
        { subresource: "status" },
      ),
    );
  }

  async #keeper(key: string, keeper: NonNullable<AskRecord["keeper"]>, at: string): Promise<void> {
    await this.#write(key, () =>
      this.#deps.client.patchMerge(pods, keeper, { metadata: { annotations: { [ASKED_ANNOTATION]: at } } }),
    );
  }

  /** A write that fails is repeated with the next request for the eviction. */
  async #write(key: string, write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#writtenAt.delete(key);
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }
}
