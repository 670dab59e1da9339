import type { LocalVolume } from "../api/kinds/local-volume.ts";
import type { PoolOnNode } from "../api/kinds/storage-node.ts";
import type { StoragePool } from "../api/kinds/storage-pool.ts";
import type { VolumeCopy } from "../api/kinds/volume-copy.ts";
import { bytes, formatQuantity, quantityOf } from "../kube/quantity.ts";

/** The room that a pool has for volumes on one node. All figures are bytes. */
export interface Room {
  readonly capacity: bigint;
  readonly reserve: bigint;
  /** What the claims of this node's volumes asked for, and grants that are not stored yet. */
  readonly volumes: bigint;
  /** What old copies use that are not purged yet. */
  readonly trash: bigint;
  /** May be negative, for example after the reserve was raised. */
  readonly free: bigint;
}

export interface RoomSnapshot {
  readonly pool: StoragePool;
  readonly onNode: PoolOnNode;
  readonly nodeName: string;
  readonly volumes: readonly LocalVolume[];
  readonly copies: readonly VolumeCopy[];
  /** Bytes promised to volumes that are not in `volumes` yet. */
  readonly promised: bigint;
}

/**
 * Capacity less the reserve, the volumes and the trash. A volume counts with what its claim asked
 * for and not with what it uses, because it may use all of it at any time.
 */
export function roomOf(snapshot: RoomSnapshot): Room {
  const { pool, onNode, nodeName, volumes, copies, promised } = snapshot;
  const poolName = pool.metadata?.name;
  const here = volumes.filter(({ spec }) => spec.pool === poolName && spec.nodeName === nodeName);
  const asked = here.reduce((sum, { spec }) => sum + bytes(spec.capacity), 0n);
  const taken = asked + promised;
  const trash = copies.reduce((sum, copy) => sum + trashIn(copy, nodeName, onNode.uuid), 0n);
  const capacity = BigInt(onNode.capacityBytes ?? 0);
  const reserve = bytes(pool.spec.reserve);
  return { capacity, reserve, volumes: taken, trash, free: capacity - reserve - taken - trash };
}

function trashIn(copy: VolumeCopy, nodeName: string, poolUUID: string | undefined): bigint {
  if (copy.spec.nodeName !== nodeName) return 0n;
  return (copy.status?.copies ?? [])
    .filter(({ state, poolUUID: uuid }) => state === "Trash" && uuid === poolUUID)
    .reduce((sum, { bytes: used }) => sum + BigInt(used ?? 0), 0n);
}

/**
 * The figures as part of a sentence: "2Gi free (10Gi less 1Gi of reserve, 7Gi of volumes and 0 of
 * old copies)".
 */
export function describeRoom({ capacity, reserve, volumes, trash, free }: Room): string {
  const shown = [capacity, reserve, volumes, trash].map(forPeople);
  const [whole, kept, taken, old] = shown;
  const left = forPeople(free < 0n ? 0n : free);
  return `${left} free (${whole} less ${kept} of reserve, ${taken} of volumes and ${old} of old copies)`;
}

const MEBI = 1024n * 1024n;

/** Rounded to whole MiB, for readability. */
function forPeople(amount: bigint): string {
  return amount < MEBI ? String(amount) : formatQuantity(quantityOf((amount / MEBI) * MEBI));
}
