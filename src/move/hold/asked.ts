/*
 * Records that an eviction was requested, so that the leader sees it, whichever replica answered.
 * The record is a time in the status of each LocalVolume, or in an annotation of a keeper. It is
 * written at most every ten seconds for each object. If the write fails, the answer to the eviction
 * stays the same: the evictor asks again, and the record is written then.
 */
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { ASKED_ANNOTATION } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import { pods } from "../../kube/kinds.ts";
import { background } from "../../observe/background.ts";
import type { Log } from "../../observe/log.ts";
import type { AskRecord } from "./decide.ts";

export interface AskedDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly volumes: Informer<LocalVolume>;
}

const EVERY_MS = 10_000;

export class AskedRecorder {
  readonly #deps: AskedDeps;
  readonly #writtenAt = new Map<string, number>();

  constructor(deps: AskedDeps) {
    this.#deps = deps;
  }

  /** Returns at once, and never fails. */
  record({ gracePeriodSeconds, keeper, volumes }: AskRecord): void {
    const { clock, log } = this.#deps;
    const at = new Date(clock.now()).toISOString();
    for (const name of volumes) {
      this.#every(`volume ${name}`, () =>
        background(log, "writing that an eviction was asked for", this.#volume(name, at, gracePeriodSeconds)),
      );
    }
    if (keeper === undefined) return;
    this.#every(`keeper ${keeper.name}`, () =>
      background(log, "writing that a keeper's eviction was asked for", this.#keeper(keeper, at)),
    );
  }

  #every(key: string, write: () => Promise<void>): void {
    const now = this.#deps.clock.monotonic();
    const last = this.#writtenAt.get(key);
    if (last !== undefined && now - last < EVERY_MS) return;
    this.#writtenAt.set(key, now);
    void write();
  }

  async #volume(name: string, at: string, gracePeriodSeconds: number | undefined): Promise<void> {
    const volume = this.#deps.volumes.store.get(name);
    if (volume === undefined) return;
    const { uid, resourceVersion } = volume.metadata;
    const asked = { at, gracePeriodSeconds: gracePeriodSeconds ?? null };
    await this.#write(`volume ${name}`, () =>
      this.#deps.client.patchMerge(
        localVolumes,
        { name },
        { metadata: { uid, resourceVersion }, status: { asked } },
        { subresource: "status" },
      ),
    );
  }

  async #keeper(keeper: NonNullable<AskRecord["keeper"]>, at: string): Promise<void> {
    await this.#write(`keeper ${keeper.name}`, () =>
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
