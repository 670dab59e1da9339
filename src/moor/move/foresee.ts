/*
 * Predicts what the controller would do with a VolumeMove that does not exist yet. It uses the
 * controller's own snapshot and rules, on a cluster that was read once.
 */
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { MOVE_FINALIZER } from "../../api/names.ts";
import type { Stored } from "../../kube/objects.ts";
import type { CodedError } from "../../observe/errors.ts";
import { assemble } from "../../move/loop/assemble.ts";
import { whyImpossible } from "../../move/plan/phases/cancel.ts";
import { whyNotYet } from "../../move/plan/phases/planned.ts";
import type { MoveSnapshot } from "../../move/plan/snapshot.ts";
import type { Cluster } from "../cluster/cluster.ts";

export interface Foreseen {
  readonly move: Stored<VolumeMove>;
  readonly snapshot: MoveSnapshot;
  /** The node that it would move to. Unset: there is none now. */
  readonly target?: string;
  /** Why it could never begin. */
  readonly impossible?: CodedError;
  /** Why it could not begin now. Moves that are first in the line do not count. */
  readonly notYet?: CodedError;
}

/** A move that is not in the API, with a UID that no other move has. */
export function notStored(name: string, spec: VolumeMove["spec"], now: number): Stored<VolumeMove> {
  const creationTimestamp = new Date(now).toISOString();
  const uid = `not stored: ${name}`;
  return { metadata: { name, uid, resourceVersion: "0", creationTimestamp, finalizers: [MOVE_FINALIZER] }, spec };
}

export function foresee(cluster: Cluster, move: Stored<VolumeMove>): Foreseen {
  const { now } = cluster;
  const beside = { parts: new Set<never>(), evictions: new Map<never, never>(), askedAt: now, notedAt: undefined, now };
  const snapshot = { ...assemble(cluster, move, {}, beside), others: [] };
  const impossible = whyImpossible(snapshot);
  const notYet = whyNotYet(snapshot, now);
  const target = snapshot.target?.name;
  return {
    move,
    snapshot,
    ...(target === undefined ? {} : { target }),
    ...(impossible === undefined ? {} : { impossible }),
    ...(notYet === undefined ? {} : { notYet }),
  };
}
