/*
 * The moves that `moor drain` begins before it cordons a node: one VolumeMove for each group that a
 * drain would move. Pure.
 *
 * Their reason is Request, as if a person had made them, because the controller cancels a move of a
 * drain while its node is not leaving. A requested move goes to Fenced as soon as it is Prepared,
 * so the pods move one group after the other while the node still takes pods. No cordon is needed
 * for this: the PersistentVolume of a fenced volume fits only its target, so the new pod of a
 * StatefulSet or a Deployment must follow its volume. Only pods without a volume could come back,
 * and they are evicted after the cordon.
 *
 * No move goes to a node that is to be drained as well. With several nodes the target is written
 * into the move, chosen by the controller's own rules as if all of them were cordoned. With one
 * node the controller chooses, and may choose again when a target is lost.
 *
 * A move that cannot begin now (no node fits, a pod that no controller would make again) is left to
 * the drain: after the cordon the eviction is held, and the controller says why.
 */
import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import { AHEAD_LABEL } from "../../../api/names.ts";
import type { Stored } from "../../../kube/objects.ts";
import { withObject, type Cluster } from "../../cluster/cluster.ts";
import { moveOf } from "../../cluster/volumes.ts";
import { moorErrors } from "../../errors.ts";
import { foresee, notStored } from "../../move/foresee.ts";
import type { DrainedGroup, StayingVolume } from "../drain-plan.ts";
import { planDrain } from "../plan.ts";

/** Volumes that move together. */
export interface AheadGroup {
  readonly node: string;
  readonly volumes: DrainedGroup["volumes"];
  /** Why they cannot move before the cordon. */
  readonly later?: { readonly code: string; readonly message: string };
}

export interface AheadPlan {
  /** The moves to make, in this order, because the oldest move begins first. */
  readonly moves: readonly VolumeMove[];
  /** Moves in progress already. */
  readonly follow: readonly Stored<VolumeMove>[];
  readonly groups: readonly AheadGroup[];
  readonly stays: readonly (StayingVolume & { readonly node: string })[];
}

const NOBODY_REFUSED: ReadonlyMap<string, string> = new Map();

export interface AheadOptions {
  /** Makes names unique. */
  readonly suffix: () => string;
  /** Bytes per second of each move, as a quantity. Unset: no limit. */
  readonly bandwidth?: string | undefined;
  /** UIDs of the pods to evict; unset: all, and volumes without a pod leave too. */
  readonly selected?: ReadonlySet<string> | undefined;
}

/** Throws MOOR_NODE_MISSING. */
export function planAhead(cluster: Cluster, nodes: readonly string[], options: AheadOptions): AheadPlan {
  let on = cordoned(cluster, nodes);
  const moves: VolumeMove[] = [];
  const follow: Stored<VolumeMove>[] = [];
  const groups: AheadPlan["groups"][number][] = [];
  const stays: AheadPlan["stays"][number][] = [];
  for (const node of nodes) {
    const plan = planDrain(on, node, NOBODY_REFUSED, options.selected);
    stays.push(...plan.stays.map((volume) => ({ ...volume, node })));
    for (const group of plan.groups) {
      const running = runningOf(cluster, group);
      if (running !== undefined) follow.push(running);
      const move = running === undefined ? moveFor(node, group, nodes.length > 1, options) : undefined;
      const later = move === undefined ? undefined : whyLater(on, group, move);
      if (move !== undefined && later === undefined) {
        moves.push(move);
        on = withRoomTaken(on, move, group.to);
      }
      groups.push({ node, volumes: group.volumes, ...(later === undefined ? {} : { later }) });
    }
  }
  return { moves, follow, groups, stays };
}

function cordoned(cluster: Cluster, names: readonly string[]): Cluster {
  return names.reduce((on, name) => {
    const node = on.nodes.store.get(name);
    if (node === undefined) throw moorErrors.NODE_MISSING({ node: name });
    return { ...on, nodes: withObject(on.nodes, { ...node, spec: { ...node.spec, unschedulable: true } }) };
  }, cluster);
}

function runningOf(cluster: Cluster, { volumes }: DrainedGroup): Stored<VolumeMove> | undefined {
  for (const { name } of volumes) {
    const volume = cluster.volumes.store.get(name);
    const move = volume === undefined ? undefined : moveOf(cluster, volume);
    if (move !== undefined) return move;
  }
  return undefined;
}

/** Why the move cannot begin before the cordon. */
function whyLater(cluster: Cluster, { blocked }: DrainedGroup, move: VolumeMove): AheadGroup["later"] {
  if (blocked !== undefined) return { code: blocked.code, message: blocked.message };
  const { impossible, notYet } = foresee(cluster, notStored(nameIn(move), move.spec, cluster.now));
  const why = impossible ?? notYet;
  return why === undefined ? undefined : { code: why.code, message: why.message };
}

function moveFor(
  from: string,
  { to, volumes }: DrainedGroup,
  several: boolean,
  { bandwidth, suffix }: AheadOptions,
): VolumeMove {
  return {
    metadata: { name: `drain-${from.slice(0, 200)}-${suffix()}`, labels: { [AHEAD_LABEL]: "true" } },
    spec: {
      volumes: volumes.map(({ name }) => ({ name, mode: "Copy" as const })),
      from,
      ...(several && to !== undefined ? { to } : {}),
      reason: "Request",
      ...(bandwidth === undefined ? {} : { bandwidth }),
    },
  };
}

/** The cluster with the room that the move takes on its target, for the next choice of a target. */
function withRoomTaken(cluster: Cluster, move: VolumeMove, target: string | undefined): Cluster {
  if (target === undefined) return cluster;
  const stored = notStored(nameIn(move), move.spec, cluster.now);
  return { ...cluster, moves: withObject(cluster.moves, { ...stored, status: { phase: "Copying", target } }) };
}

function nameIn({ metadata }: VolumeMove): string {
  return metadata?.name ?? "";
}
