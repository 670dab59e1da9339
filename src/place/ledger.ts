import type { LocalVolume } from "../api/kinds/local-volume.ts";
import type { StorageNode } from "../api/kinds/storage-node.ts";
import type { StoragePool } from "../api/kinds/storage-pool.ts";
import type { VolumeCopy } from "../api/kinds/volume-copy.ts";
import { roomOf, type Room } from "./room.ts";

/** What the ledger reads: caches of the cluster's objects. */
export interface LedgerSources {
  readonly volumes: { list(): readonly LocalVolume[]; get(name: string): LocalVolume | undefined };
  readonly copies: { list(): readonly VolumeCopy[] };
  readonly nodes: { get(name: string): StorageNode | undefined };
  readonly pools: { get(name: string): StoragePool | undefined };
}

/** Bytes of one pool on one node that are promised to a volume. */
export interface Grant {
  readonly volume: string;
  readonly pool: string;
  readonly nodeName: string;
  readonly bytes: bigint;
}

export type Look = { readonly usable: true; readonly room: Room } | { readonly usable: false; readonly why: string };

/**
 * Counts how much of each pool is promised to which volume. Stored LocalVolumes are read from the
 * cache; grants that are not in the cache yet are kept here. Together they never promise more than
 * a pool has, as long as only one process grants: the leader.
 */
export class Ledger {
  readonly #sources: LedgerSources;
  readonly #granted = new Map<string, Grant>();

  constructor(sources: LedgerSources) {
    this.#sources = sources;
  }

  /**
   * The pool on the node as it is now, or why it cannot be used. `except`: volumes that are not
   * counted.
   */
  look(pool: string, nodeName: string, except: ReadonlySet<string> = new Set()): Look {
    const definition = this.#sources.pools.get(pool);
    if (definition === undefined) return { usable: false, why: `there is no StoragePool ${pool}` };
    const storageNode = this.#sources.nodes.get(nodeName);
    if (storageNode === undefined) return { usable: false, why: "no agent of mooring.dev has reported from this node" };
    const onNode = storageNode.status?.pools?.find(({ name }) => name === pool);
    if (onNode === undefined) return { usable: false, why: "the node takes no part in the pool" };
    if (!onNode.ready) return { usable: false, why: onNode.message ?? onNode.reason };
    const volumes = this.#sources.volumes.list().filter(({ metadata }) => !except.has(metadata?.name ?? ""));
    const promised = this.#promised(pool, nodeName, except);
    const room = roomOf({ pool: definition, onNode, nodeName, volumes, copies: this.#sources.copies.list(), promised });
    return { usable: true, room };
  }

  /**
   * Promises the bytes until `release`. Call `look` first, in the same turn of the event loop.
   */
  grant(grant: Grant): void {
    this.#granted.set(grant.volume, grant);
  }

  /** Ends a grant. Call it when the volume is in the cache, or when it will not be made. */
  release(volume: string): void {
    this.#granted.delete(volume);
  }

  #promised(pool: string, nodeName: string, except: ReadonlySet<string>): bigint {
    let sum = 0n;
    for (const grant of this.#granted.values()) {
      const counted = grant.pool === pool && grant.nodeName === nodeName && !except.has(grant.volume);
      if (counted && this.#sources.volumes.get(grant.volume) === undefined) sum += grant.bytes;
    }
    return sum;
  }
}
