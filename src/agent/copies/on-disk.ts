/* What this node has of a volume: its copies in every pool, and where they are mounted. */
import type { Mounts } from "../mounts/mounts.ts";
import { publicationsOf, type Publication } from "../mounts/publications.ts";
import type { Pool } from "../pools/pools.ts";
import type { Copy, CopyStore } from "./copy-store.ts";

export interface OnDiskDeps {
  readonly pools: { all(): readonly Pool[] };
  readonly mounts: Mounts;
  readonly kubeletDirectory: string;
}

/** A copy with the pool it is in. */
export interface CopyInPool {
  readonly copy: Copy;
  readonly pool: Pool;
  readonly store: CopyStore;
}

export class OnDisk {
  readonly #deps: OnDiskDeps;

  constructor(deps: OnDiskDeps) {
    this.#deps = deps;
  }

  /** The copies in all pools that can be read. Throws AGENT_COPY_UNREADABLE when one is damaged. */
  async copies(volume: string): Promise<readonly CopyInPool[]> {
    const found: CopyInPool[] = [];
    for (const pool of this.#deps.pools.all()) {
      const { store } = pool;
      if (store === undefined) continue;
      for (const copy of await store.list(volume)) found.push({ copy, pool, store });
    }
    return found;
  }

  /** The copies of a pool that can be read now. */
  storeOf(pool: string): CopyStore | undefined {
    return this.#deps.pools.all().find(({ name }) => name === pool)?.store;
  }

  /** Every volume that has a directory in a pool that can be read. */
  async volumes(): Promise<ReadonlySet<string>> {
    const lists = await Promise.all(this.#deps.pools.all().map(({ store }) => store?.volumes() ?? Promise.resolve([])));
    return new Set(lists.flat());
  }

  /** What is published, in all pools that can be read. */
  publications(): readonly Publication[] {
    const { kubeletDirectory, mounts, pools } = this.#deps;
    const entries = mounts.list();
    return pools
      .all()
      .filter(({ store }) => store !== undefined)
      .flatMap(({ path }) => publicationsOf(entries, mounts.locate(path), kubeletDirectory));
  }

  /** UUIDs of the pools that can be read. */
  readable(): ReadonlySet<string> {
    const ready = this.#deps.pools.all().filter(({ store }) => store !== undefined);
    return new Set(ready.flatMap(({ status: { uuid } }) => (uuid === undefined ? [] : [uuid])));
  }
}
