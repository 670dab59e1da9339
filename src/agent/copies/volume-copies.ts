/*
 * Writes the state of the disk and the mount table into the VolumeCopy objects of this node.
 *
 * An object is made from the disk, and made again when it is missing. Only status.copies is written
 * here (and `purged`, for the reclaim loop). The report of a move has another writer. Every write
 * carries the resourceVersion that was read. If the API server refuses it for that reason, it is
 * planned again.
 *
 * After a crash an object may lack a part of the disk's state until the next `sync` of the volume.
 */
import { isDeepStrictEqual } from "node:util";
import { copyNameOf } from "../../api/copy-name.ts";
import { volumeCopies, type VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { COPY_FINALIZER } from "../../api/names.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../../kube/errors.ts";
import type { Stored } from "../../kube/objects.ts";
import type { Copy } from "./copy-store.ts";
import type { OnDisk } from "./on-disk.ts";
import { planRecord } from "./record.ts";

export interface VolumeCopiesDeps {
  readonly client: KubeClient;
  readonly onDisk: OnDisk;
  readonly nodeName: string;
  readonly usageOf: (copy: Copy) => { readonly bytes: number; readonly files: number } | undefined;
}

/** How often a refused write is planned again at once. */
const TRIES = 4;

export class VolumeCopies {
  readonly #deps: VolumeCopiesDeps;

  constructor(deps: VolumeCopiesDeps) {
    this.#deps = deps;
  }

  /**
   * The VolumeCopy of a volume on this node, read from the API server. Undefined: there is none.
   */
  async read(volume: string, signal?: AbortSignal): Promise<Stored<VolumeCopy> | undefined> {
    const { client, nodeName } = this.#deps;
    const found = await client.find(volumeCopies, { name: copyNameOf(volume, nodeName) }, signal && { signal });
    if (found !== undefined && (found.spec.nodeName !== nodeName || found.spec.volume !== volume)) {
      throw new Error(
        `VolumeCopy ${found.metadata.name} is about volume ${found.spec.volume} on ${found.spec.nodeName}`,
      );
    }
    return found;
  }

  /**
   * Writes the copies of the volume. Makes the object when it is missing and there are copies, or
   * when `purged` must be reported. Resolves with the stored object, or with undefined when there
   * is nothing to write.
   */
  async sync(
    volume: string,
    options: { readonly purged?: true; readonly signal?: AbortSignal } = {},
  ): Promise<Stored<VolumeCopy> | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#syncOnce(volume, options);
      } catch (error) {
        const lost = isConflict(error) || isNotFound(error) || isAlreadyExists(error);
        if (!lost || attempt === TRIES) throw error;
      }
    }
  }

  /** Whether an object, as last seen, is current. This only saves requests, and decides nothing. */
  async isCurrent(volume: string, object: VolumeCopy | undefined): Promise<boolean> {
    const copies = planRecord(await this.#view(volume, object));
    return isDeepStrictEqual(object?.status?.copies ?? [], copies) && (object !== undefined || copies.length === 0);
  }

  async #syncOnce(
    volume: string,
    { purged, signal }: { readonly purged?: true; readonly signal?: AbortSignal },
  ): Promise<Stored<VolumeCopy> | undefined> {
    const { client, nodeName } = this.#deps;
    const options = signal === undefined ? {} : { signal };
    let object = await this.read(volume, signal);
    const copies = planRecord(await this.#view(volume, object));
    if (object === undefined) {
      if (copies.length === 0 && purged === undefined) return undefined;
      const metadata = { name: copyNameOf(volume, nodeName), finalizers: [COPY_FINALIZER] };
      object = await client.create(volumeCopies, { metadata, spec: { volume, nodeName } }, options);
    }
    const same = isDeepStrictEqual(object.status?.copies ?? [], copies);
    if (same && (purged === undefined || object.status?.purged === true)) return object;
    const { name, uid, resourceVersion } = object.metadata;
    const status = { copies, ...(purged === undefined ? {} : { purged }) };
    return client.patchMerge(
      volumeCopies,
      { name },
      { metadata: { uid, resourceVersion }, status },
      { ...options, subresource: "status" },
    );
  }

  /** The object of a volume, made if it is missing. */
  async make(volume: string, signal?: AbortSignal): Promise<Stored<VolumeCopy>> {
    const { client, nodeName } = this.#deps;
    const metadata = { name: copyNameOf(volume, nodeName), finalizers: [COPY_FINALIZER] };
    try {
      const options = signal === undefined ? {} : { signal };
      return await client.create(volumeCopies, { metadata, spec: { volume, nodeName } }, options);
    } catch (error) {
      const found = isAlreadyExists(error) ? await this.read(volume, signal) : undefined;
      if (found === undefined) throw error;
      return found;
    }
  }

  /** Removes our finalizer from a purged object that somebody has deleted. */
  async release({ metadata }: Stored<VolumeCopy>, signal: AbortSignal): Promise<void> {
    const { name, uid, resourceVersion, finalizers = [] } = metadata;
    const rest = finalizers.filter((finalizer) => finalizer !== COPY_FINALIZER);
    await this.#deps.client.patchMerge(
      volumeCopies,
      { name },
      { metadata: { uid, resourceVersion, finalizers: rest.length === 0 ? null : rest } },
      { signal },
    );
  }

  async #view(volume: string, object: VolumeCopy | undefined): Promise<Parameters<typeof planRecord>[0]> {
    const { onDisk, usageOf } = this.#deps;
    const { copies, readable } = await onDisk.find(volume);
    const publishedTo = new Map<string, string[]>();
    for (const publication of onDisk.publications()) {
      if (publication.volume !== volume) continue;
      const pods = publishedTo.get(publication.epochDirectory) ?? [];
      if (!pods.includes(publication.podUID)) pods.push(publication.podUID);
      publishedTo.set(publication.epochDirectory, pods);
    }
    const usage = new Map(
      copies.flatMap((copy) => {
        const used = usageOf(copy);
        return used === undefined ? [] : [[copy.directory, used] as const];
      }),
    );
    return { onDisk: copies, recorded: object?.status?.copies ?? [], publishedTo, usage, readable };
  }
}
