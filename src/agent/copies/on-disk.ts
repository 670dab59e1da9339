/*
 * The copies of a volume on this node, in every pool, and their mounts. They are read from the
 * disks and the mount table each time.
 *
 * A pool counts only if its pool.json still exists after the copies were listed. A disk that was
 * unmounted during the listing leaves an empty directory, which must not look like a pool without
 * copies.
 */
import type { Mounts } from "../mounts/mounts.ts";
import { publicationsOf, type Publication } from "../mounts/publications.ts";
import { textOfPath } from "../mounts/raw-path.ts";
import type { Pool, Pools } from "../pools/pools.ts";
import { copyAtMount } from "./copy-at-mount.ts";
import type { Copy, CopyStore } from "./copy-store.ts";
import { volumePath } from "./layout.ts";

export interface OnDiskDeps {
  readonly pools: Pools;
  readonly mounts: Mounts;
  readonly kubeletDirectory: string;
}

/** A copy with its pool. */
export interface CopyInPool {
  readonly copy: Copy;
  readonly pool: Pool;
  readonly store: CopyStore;
}

/** The copies of a volume on the disks. */
export interface Found {
  readonly copies: readonly Copy[];
  /** UUIDs of the pools that could be read. Nothing is known about the others. */
  readonly readable: ReadonlySet<string>;
}

/** Whether a pool can be used, and otherwise why not. unknown: the agent has just started. */
export type PoolState = "ready" | "unknown" | { readonly why: string };

/** A mount of a copy, at any mount point. */
export interface CopyMount {
  readonly volume: string;
  readonly copyPath: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export class OnDisk {
  readonly #deps: OnDiskDeps;

  constructor(deps: OnDiskDeps) {
    this.#deps = deps;
  }

  /** The volume's copies in all pools. Throws AGENT_COPY_UNREADABLE when one is damaged. */
  async find(volume: string): Promise<Found> {
    const { found, readable } = await this.#inPools((store) => store.list(volume));
    return { copies: found.flatMap(({ listed }) => listed), readable };
  }

  /** The same as `find`, each with its pool and its store. */
  async copies(volume: string): Promise<readonly CopyInPool[]> {
    const { found } = await this.#inPools((store) => store.list(volume));
    return found.flatMap(({ listed, pool, store }) => listed.map((copy) => ({ copy, pool, store })));
  }

  /** Ensures, durably, that nothing of the volume remains. */
  async removeVolume(volume: string): Promise<void> {
    for (const { store } of this.#ready()) await store?.removeVolume(volume);
  }

  /** The copies of a pool that can be read now. */
  storeIn(pool: string): CopyStore | undefined {
    return this.#ready().find(({ name }) => name === pool)?.store;
  }

  /**
   * Whether a `find` could read this pool (`readable` is from its result). Unknown while the disk
   * is not what the last round found: the next round, which follows soon, tells.
   */
  stateOf(pool: string, readable: Found["readable"]): PoolState {
    const { pools } = this.#deps;
    const found = pools.get(pool);
    const { uuid = "" } = found?.status ?? {};
    if (found?.store !== undefined) return readable.has(uuid) ? "ready" : "unknown";
    if (!pools.known) return "unknown";
    return { why: found === undefined ? "it is not on this node" : (found.status.message ?? found.status.reason) };
  }

  /** Every volume that has a directory in a pool that can be read. */
  async volumes(): Promise<ReadonlySet<string>> {
    const { found } = await this.#inPools((store) => store.volumes());
    return new Set(found.flatMap(({ listed }) => listed));
  }

  /** The store that a copy was found in. */
  storeOf({ path, volume }: Copy): CopyStore {
    const store = this.#ready().find((pool) => path.startsWith(`${volumePath(pool.path, volume)}/`))?.store;
    if (store === undefined) throw new Error(`the pool of ${path} cannot be read any more`);
    return store;
  }

  /** Every mount of a copy in the agent's mount table. */
  mounts(): readonly CopyMount[] {
    const { mounts } = this.#deps;
    const entries = mounts.list();
    const located = this.#ready().map(({ path }) => ({ path, location: mounts.locate(path) }));
    return entries.flatMap((entry) => {
      const copy = copyAtMount(entry, located);
      if (copy === undefined) return [];
      return [{ ...copy, target: textOfPath(entry.mountPoint), readOnly: entry.options.includes("ro") }];
    });
  }

  /** The publications: which copy is mounted for which pod. */
  publications(): readonly Publication[] {
    const { kubeletDirectory, mounts } = this.#deps;
    const entries = mounts.list();
    return this.#ready().flatMap(({ path }) => publicationsOf(entries, mounts.locate(path), kubeletDirectory));
  }

  #ready(): readonly Pool[] {
    return this.#deps.pools.all().filter(({ store }) => store !== undefined);
  }

  async #inPools<T>(list: (store: CopyStore) => Promise<readonly T[]>): Promise<{
    readonly found: readonly { readonly pool: Pool; readonly store: CopyStore; readonly listed: readonly T[] }[];
    readonly readable: ReadonlySet<string>;
  }> {
    const found: { pool: Pool; store: CopyStore; listed: readonly T[] }[] = [];
    const readable = new Set<string>();
    for (const { name, store } of this.#ready()) {
      if (store === undefined) continue;
      const listed = await list(store);
      const pool = await this.#deps.pools.check(name);
      if (pool?.store === undefined || pool.status.uuid === undefined) continue;
      found.push({ pool, store, listed });
      readable.add(pool.status.uuid);
    }
    return { found, readable };
  }
}
