/* The nodes with their pools, and the moves in progress. Pure. */
import { nameOf } from "../../kube/objects.ts";
import { isFinished } from "../../move/drains/earlier-moves.ts";
import { Ledger } from "../../place/ledger.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { nodeState, type NodeState } from "../cluster/node-state.ts";
import { claimNameOf } from "../cluster/volumes.ts";
import type { MoveExplained } from "../explain/explanation.ts";
import { explainMove } from "../explain/move.ts";
import { controllerStatus, type ControllerStatus } from "./controller.ts";

export interface PoolStatus {
  readonly pool: string;
  /** Why the pool cannot be used on this node. Unset: it can be used. */
  readonly trouble?: string;
  readonly capacityBytes: number;
  /** Bytes that claims may still ask for: capacity minus reserve, volumes and old copies. */
  readonly freeBytes: number;
  readonly volumes: number;
  /** Bytes that the claims of these volumes asked for. */
  readonly volumeBytes: number;
  /** Bytes of old copies, which earlier moves left. */
  readonly oldCopyBytes: number;
}

export interface NodeStatus {
  readonly node: NodeState;
  readonly pools: readonly PoolStatus[];
  /** Number of volumes on this node, in all pools. */
  readonly volumes: number;
}

export interface MoveStatus extends MoveExplained {
  /** `namespace/name` of the claims whose volumes move. */
  readonly claims: readonly string[];
  readonly startedAt?: string;
}

export interface Status {
  /** Time of the read. */
  readonly readAt: string;
  /** Unset: the user may not read its Lease. */
  readonly controller?: ControllerStatus;
  readonly nodes: readonly NodeStatus[];
  readonly moves: readonly MoveStatus[];
}

export function status(cluster: Cluster): Status {
  const { lease, nodes, pods, storageNodes, volumes } = cluster;
  const names = new Set([
    ...nodes.store.list().map((node) => nameOf(node)),
    ...storageNodes.store.list().map((node) => nameOf(node)),
    ...volumes.store.list().map(({ spec }) => spec.nodeName),
  ]);
  return {
    readAt: new Date(cluster.now).toISOString(),
    ...(lease === undefined ? {} : { controller: controllerStatus(pods.store.list(), lease.found, cluster.now) }),
    nodes: [...names].toSorted().map((name) => nodeStatus(cluster, name)),
    moves: movesOf(cluster),
  };
}

function nodeStatus(cluster: Cluster, name: string): NodeStatus {
  const here = cluster.volumes.store.byIndex("byNode", name);
  const reported = cluster.storageNodes.store.get(name)?.status?.pools ?? [];
  const pools = new Set([...reported.map((pool) => pool.name), ...here.map(({ spec }) => spec.pool)]);
  return {
    node: nodeState(cluster, name),
    pools: [...pools].toSorted().map((pool) => poolStatus(cluster, name, pool)),
    volumes: here.length,
  };
}

function poolStatus(cluster: Cluster, name: string, pool: string): PoolStatus {
  const here = cluster.volumes.store.byIndex("byNode", name).filter(({ spec }) => spec.pool === pool);
  const ledger = new Ledger({
    volumes: cluster.volumes.store,
    copies: cluster.copies.store,
    nodes: cluster.storageNodes.store,
    pools: cluster.pools.store,
  });
  const look = ledger.look(pool, name);
  const none = { capacityBytes: 0, freeBytes: 0, volumeBytes: 0, oldCopyBytes: 0 };
  if (!look.usable) return { pool, trouble: look.why, ...none, volumes: here.length };
  const { capacity, free, trash, volumes } = look.room;
  return {
    pool,
    capacityBytes: Number(capacity),
    freeBytes: Math.max(0, Number(free)),
    volumes: here.length,
    volumeBytes: Number(volumes),
    oldCopyBytes: Number(trash),
  };
}

function movesOf(cluster: Cluster): MoveStatus[] {
  return cluster.moves.store
    .list()
    .filter((move) => !isFinished(move))
    .map((move) => {
      const startedAt = move.status?.startedAt;
      const claims = move.spec.volumes.map(({ name }) => {
        const volume = cluster.volumes.store.get(name);
        return volume === undefined ? name : claimNameOf(volume);
      });
      return { ...explainMove(move), claims, ...(startedAt === undefined ? {} : { startedAt }) };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
