/*
 * The pools of this node: finds out which can be used, and writes that into the StorageNode.
 *
 * One round looks at every pool, gives a new disk its identity, and writes the StorageNode. A round
 * runs when a StoragePool or the node's labels change, when a publish finds that a disk has
 * changed, and once a minute. Rounds never overlap.
 *
 * A disk is the pool's disk if it has the UUID that the StorageNode has for the pool. This process
 * remembers that UUID from its last read or write (no other process writes it), and reads it
 * uncached before it gives a disk an identity.
 *
 * What a crash leaves when a disk is given its identity:
 *   before pool.json has its name     a directory without it: the next round makes pool.json
 *   before the StorageNode has it     a pool.json that is not recorded: the next round records it
 */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { localVolumes } from "../../api/kinds/local-volume.ts";
import { storageNodes, type PoolOnNode, type StorageNode } from "../../api/kinds/storage-node.ts";
import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import { volumeCopies } from "../../api/kinds/volume-copy.ts";
import type { Clock } from "../../effects/clock.ts";
import type { Disk } from "../../effects/disk.ts";
import type { Random } from "../../effects/random.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../../kube/errors.ts";
import type { Node } from "../../kube/kinds.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { CopyStore } from "../copies/copy-store.ts";
import { POOL_FILE, PRIVATE_MODE } from "../copies/layout.ts";
import { ensureDirectory, replaceFile } from "../disk/durable.ts";
import { inspectPool, rootOf } from "./inspect.ts";
import { isPoolNamed } from "./named.ts";
import { planPool, type PoolPlan, type PoolView } from "./plan-pool.ts";
import { formatPoolFile } from "./pool-file.ts";

/** One pool on this node. */
export interface Pool {
  readonly name: string;
  readonly path: string;
  readonly status: PoolOnNode;
  /** The copies in the pool. Undefined while the pool is not ready. */
  readonly store?: CopyStore | undefined;
}

/** The part of the StorageNode's status that describes the agent itself. */
export type AgentOnNode = Omit<NonNullable<StorageNode["status"]>, "pools" | "readyPools" | "renewedAt" | "conditions">;

export interface PoolsDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly disk: Disk;
  readonly nodeName: string;
  /**
   * The host's directories that are mounted into the agent. Each pool lies strictly below one of
   * them.
   */
  readonly roots: readonly string[];
  /** The StoragePools as last seen. */
  readonly definitions: () => readonly StoragePool[];
  readonly node: () => Node | undefined;
  readonly agent: () => AgentOnNode;
  /** Called when a disk differs from what the last round found: a round should run soon. */
  readonly differs: () => void;
}

/** How often the agent renews the StorageNode, to show that it runs. */
export const RENEW_MS = 60_000;

export class Pools {
  readonly #deps: PoolsDeps;
  readonly #log: Log;
  #pools: ReadonlyMap<string, Pool> = new Map();
  #recorded: StorageNode | undefined;
  #renewedAt = -Infinity;
  #known = false;

  constructor(deps: PoolsDeps) {
    this.#deps = deps;
    this.#log = deps.log.child({ node: deps.nodeName });
  }

  /** The pool as the last round found it. */
  get(name: string): Pool | undefined {
    return this.#pools.get(name);
  }

  all(): readonly Pool[] {
    return [...this.#pools.values()];
  }

  /**
   * Whether a round has looked at the disks. Before the first round, nothing follows from a pool
   * that is not in `all()`.
   */
  get known(): boolean {
    return this.#known;
  }

  /**
   * Looks at one disk now. Gives the pool with its store, or with the reason why it cannot be used.
   */
  async check(name: string): Promise<Pool | undefined> {
    const pool = this.#pools.get(name);
    if (pool === undefined) return undefined;
    const plan = planPool({
      ...pool,
      finding: await inspectPool(this.#deps.disk, pool.path, this.#deps.roots),
      recorded: pool.status.uuid,
      // Only a round gives a disk its identity; `true` prevents that here.
      named: true,
    });
    if ((plan.step === "ready") !== pool.status.ready) this.#deps.differs();
    if (plan.step === "ready") return pool;
    const status = statusOf(pool, plan, pool.status.uuid);
    return { name, path: pool.path, status };
  }

  /**
   * One round. Rejects when a request to the API server fails, perhaps before it has looked at all
   * disks.
   */
  async refresh(signal: AbortSignal): Promise<void> {
    this.#recorded ??= await this.#read(signal);
    const pools = new Map<string, Pool>();
    for (const definition of this.#deps.definitions()) {
      const name = definition.metadata?.name;
      if (name === undefined || !this.#takesPart(definition, name)) continue;
      pools.set(name, await this.#look(name, definition.spec.path, signal));
    }
    for (const known of this.#recorded.status?.pools ?? []) {
      if (!pools.has(known.name)) pools.set(known.name, { ...known, status: withoutDefinition(known) });
    }
    this.#pools = pools;
    if (!this.#known) this.#log.info("pools checked", { pools: [...pools.keys()] });
    this.#known = true;
    await this.#write(signal);
  }

  /**
   * A node that has a pool keeps it when the node's labels change, because the pool's volumes must
   * still be served.
   */
  #takesPart({ spec }: StoragePool, name: string): boolean {
    if (this.#uuidOf(name) !== undefined) return true;
    const node = this.#deps.node();
    if (node === undefined) return false;
    // The API server leaves out an empty map.
    const labels = node.metadata?.labels ?? {};
    return Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
  }

  /** Rejects only for errors of the API server. A broken disk becomes the pool's status. */
  async #look(name: string, path: string, signal: AbortSignal): Promise<Pool> {
    const { disk, roots } = this.#deps;
    const view = { name, path, recorded: this.#uuidOf(name), named: undefined };
    let plan = planPool({ ...view, finding: await inspectPool(disk, path, roots) });
    if (plan.step === "ask") {
      this.#recorded = await this.#read(signal);
      const named = await this.#isNamed(name, signal);
      const finding = await inspectPool(disk, path, roots);
      plan = planPool({ ...view, finding, recorded: this.#uuidOf(name), named });
    }
    const recorded = this.#uuidOf(name);
    try {
      return await this.#use({ name, path, recorded }, plan);
    } catch (error) {
      this.#log.error("a pool cannot be used", { pool: name, path, err: error });
      return { name, path, status: statusOf(view, unreadable(error), recorded) };
    }
  }

  async #use(view: Pick<PoolView, "name" | "path" | "recorded">, planned: PoolPlan): Promise<Pool> {
    const { disk, roots } = this.#deps;
    const { name, path, recorded } = view;
    let plan = planned;
    if (plan.step === "initialise") {
      await this.#initialise(name, path);
      plan = planPool({ ...view, named: undefined, finding: await inspectPool(disk, path, roots) });
    }
    // A pool.json that a killed process has made may not be durable yet. It must be before its UUID
    // is recorded.
    if (plan.step === "ready" && recorded === undefined) await disk.syncDirectory(path);
    const status = statusOf(view, plan, recorded);
    if (!status.ready || status.uuid === undefined) return { name, path, status };
    const room = await disk.room(path);
    return { name, path, status: { ...status, ...room }, store: await this.#store(name, path, status.uuid) };
  }

  /** The pool's copies. The first call finishes operations on them that a crash has interrupted. */
  async #store(name: string, path: string, uuid: string): Promise<CopyStore> {
    const known = this.#pools.get(name);
    if (known?.store !== undefined && known.status.uuid === uuid && known.path === path) return known.store;
    const store = new CopyStore(this.#deps.disk, path, uuid);
    for (const problem of await store.scan()) {
      this.#log.error("a copy on the disk is damaged", { pool: name, path: problem.path, err: problem.error });
    }
    this.#log.info("pool is ready", { pool: name, path, uuid });
    return store;
  }

  async #initialise(name: string, path: string): Promise<void> {
    const { clock, disk, random, roots } = this.#deps;
    let at = rootOf(path, roots);
    if (at === undefined) return;
    for (const part of path
      .slice(at.length)
      .split("/")
      .filter((each) => each !== "")) {
      at = join(at, part);
      await ensureDirectory(disk, at, PRIVATE_MODE);
    }
    const file = { uuid: random.uuid(), name, madeAt: new Date(clock.now()).toISOString() };
    await replaceFile(disk, join(path, POOL_FILE), formatPoolFile(file));
    this.#log.info("gave a new pool its identity", { pool: name, path, uuid: file.uuid });
  }

  async #isNamed(pool: string, signal: AbortSignal): Promise<boolean> {
    const { client, nodeName } = this.#deps;
    const [volumes, copies] = await Promise.all([
      client.list(localVolumes, { signal }),
      client.list(volumeCopies, { signal, fieldSelector: `spec.nodeName=${nodeName}` }),
    ]);
    const others = (this.#recorded?.status?.pools ?? []).filter(({ name }) => name !== pool);
    const uuids = others.flatMap(({ uuid }) => (uuid === undefined ? [] : [uuid]));
    return isPoolNamed(pool, nodeName, volumes, copies, new Set(uuids));
  }

  /**
   * The UUID that the pool's disk must have. This process remembers it even if a user deletes the
   * StorageNode.
   */
  #uuidOf(pool: string): string | undefined {
    const recorded = this.#recorded?.status?.pools?.find(({ name }) => name === pool)?.uuid;
    return recorded ?? this.#pools.get(pool)?.status.uuid;
  }

  /** The StorageNode of this node, made when it is missing. */
  async #read(signal: AbortSignal): Promise<StorageNode> {
    const { client, nodeName: name } = this.#deps;
    try {
      return await client.get(storageNodes, { name }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    try {
      return await client.create(storageNodes, { metadata: { name } }, { signal });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      return client.get(storageNodes, { name }, { signal });
    }
  }

  /**
   * The time until the StorageNode must be renewed, in milliseconds. It counts from the last write,
   * so a write for a changed pool does not make the next renewal late: an agent that is silent
   * counts as gone.
   */
  untilRenewalMs(): number {
    return Math.max(0, this.#renewedAt + RENEW_MS - this.#deps.clock.monotonic());
  }

  async #write(signal: AbortSignal, again = false): Promise<void> {
    const { agent, client, clock, nodeName: name } = this.#deps;
    const pools = this.all().map(({ status }) => status);
    const due = clock.monotonic() - this.#renewedAt >= RENEW_MS;
    const before = this.#recorded?.status;
    const ready = pools.filter((pool) => pool.ready).length;
    const next = { ...agent(), pools, readyPools: `${String(ready)}/${String(pools.length)}` };
    const same = isDeepStrictEqual(withoutFigures(next.pools), withoutFigures(before?.pools ?? []));
    const agentSame = before?.bootID === next.bootID && isDeepStrictEqual(before?.agent, next.agent);
    if (!due && same && agentSame) return;
    const { uid, resourceVersion } = this.#recorded?.metadata ?? {};
    try {
      this.#recorded = await client.patchMerge(
        storageNodes,
        { name },
        { metadata: { uid, resourceVersion }, status: { ...next, renewedAt: new Date(clock.now()).toISOString() } },
        { subresource: "status", signal },
      );
      this.#renewedAt = clock.monotonic();
    } catch (error) {
      // The StorageNode was deleted or changed by others, or the answer to our write was lost. Read
      // it again and try once more.
      this.#recorded = undefined;
      if (again || (!isConflict(error) && !isNotFound(error))) throw error;
      this.#recorded = await this.#read(signal);
      await this.#write(signal, true);
    }
  }
}

function statusOf(
  pool: { readonly name: string; readonly path: string },
  plan: PoolPlan,
  recorded: string | undefined,
): PoolOnNode {
  const { name, path } = pool;
  if (plan.step === "ready") return { name, path, uuid: plan.uuid, ready: true, reason: "Ready" };
  const uuid = recorded === undefined ? {} : { uuid: recorded };
  if (plan.step === "notReady") {
    const { reason, message } = plan;
    return { name, path, ...uuid, ready: false, reason, message };
  }
  return { name, path, ...uuid, ready: false, reason: "Unknown", message: "the disk changed while it was looked at" };
}

function unreadable(error: unknown): PoolPlan {
  return { step: "notReady", reason: "Unreadable", message: messageOf(error) };
}

/** For a pool whose StoragePool is gone. The UUID is kept in case the StoragePool comes back. */
function withoutDefinition({ name, path, uuid }: PoolOnNode): PoolOnNode {
  const message = "there is no StoragePool of this name any more";
  return { name, path, ...(uuid === undefined ? {} : { uuid }), ready: false, reason: "Unknown", message };
}

/**
 * The part of the pools' status whose change is written at once. Figures wait for the next renewal.
 */
function withoutFigures(pools: readonly PoolOnNode[]): unknown {
  return pools.map(({ name, path, uuid, ready, reason, message }) => ({ name, path, uuid, ready, reason, message }));
}
