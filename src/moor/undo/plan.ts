/*
 * The plan of `moor undo`. Pure.
 *
 * Before the commit, deleting the VolumeMove is enough: the controller then undoes the move itself
 * (phase Undoing). After the commit, the copy on the target is the volume. The old copy in the
 * trash of the source lacks the later writes, and nothing makes it the volume again. So an undo
 * after the commit is a move back to the source, with the data as it is now.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { BY_VOLUME } from "../../movable/volumes/loop.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { claimIn, moveOf, type ClaimName } from "../cluster/volumes.ts";
import { moorErrors } from "../errors.ts";
import { planCancel } from "../move/cancel.ts";
import { movableVolumeOf, planRequest, type MoveRequest, type RequestPlan } from "../move/request.ts";

export type UndoPlan =
  /** The move is not committed: delete it. */
  | { readonly step: "delete"; readonly move: Stored<VolumeMove> }
  /** The move is committed: move the volume back. */
  | {
      readonly step: "move-home";
      readonly claim: ClaimName;
      readonly from: string;
      readonly to: string;
      readonly plan: RequestPlan;
    };

/**
 * `named`: the move in the command, if the command names one. Throws an error with a code when
 * there is nothing to undo, or when it cannot be undone now.
 */
export function planUndo(
  cluster: Cluster,
  claim: ClaimName & Pick<MoveRequest, "deleteEmptyDirData">,
  suffix: string,
  named?: Stored<VolumeMove>,
): UndoPlan {
  const volume = movableVolumeOf(cluster, claim);
  const running = moveOf(cluster, volume);
  const last = lastMove(cluster, volume);
  if (named !== undefined && named.metadata.uid !== (running ?? last)?.metadata.uid) {
    throw moorErrors.NOT_LAST({ move: nameOf(named), claim: claim.name, node: volume.spec.nodeName });
  }
  if (running !== undefined) return { step: "delete", move: planCancel(cluster, claim) };
  const to = last?.spec.from ?? nodeBefore(cluster, volume);
  if (to === undefined) throw moorErrors.NOTHING_TO_UNDO({ claim: claim.name, node: volume.spec.nodeName });
  return {
    step: "move-home",
    claim,
    from: volume.spec.nodeName,
    to,
    plan: planRequest(cluster, { ...claim, to }, suffix),
  };
}

/** The claim that an argument of `moor undo` names, and the move if it names one. */
export interface Undoable {
  readonly claim: ClaimName;
  readonly move?: Stored<VolumeMove>;
}

/**
 * Finds the object of `volumemove/NAME`, `pvc/NAME` or `NAME` (a claim, otherwise a move). Throws
 * when it does not exist.
 */
export function findUndoable(cluster: Cluster, namespace: string, argument: string): Undoable {
  const asMove = /^(?:volume)?moves?\/(.*)$/.exec(argument)?.[1];
  const asClaim = claimIn(argument);
  const isClaim = asClaim !== argument || cluster.claims.store.get(`${namespace}/${asClaim}`) !== undefined;
  if (asMove === undefined && isClaim) return { claim: { namespace, name: asClaim } };
  const move = cluster.moves.store.get(asMove ?? argument);
  if (move !== undefined) return { claim: claimOfMove(cluster, move), move };
  if (asMove !== undefined) throw moorErrors.MOVE_MISSING({ move: asMove });
  return { claim: { namespace, name: argument } };
}

function claimOfMove(cluster: Cluster, move: Stored<VolumeMove>): ClaimName {
  const [claim] = move.spec.volumes.flatMap(({ name }) => cluster.volumes.store.get(name)?.spec.claim ?? []);
  if (claim === undefined) throw moorErrors.MOVE_MISSING({ move: nameOf(move) });
  return { namespace: claim.namespace, name: claim.name };
}

/** The move that brought the volume to its current node. */
function lastMove(cluster: Cluster, volume: Stored<LocalVolume>): Stored<VolumeMove> | undefined {
  const { epoch, nodeName } = volume.spec;
  return cluster.moves.store
    .list()
    .find(
      ({ status }) =>
        status?.phase === "Done" &&
        status.target === nodeName &&
        status.volumes?.some((one) => one.name === nameOf(volume) && one.epoch === epoch - 1) === true,
    );
}

/**
 * The node that has the copy of the previous epoch. It is known until that copy is purged, even if
 * the VolumeMove was deleted.
 */
function nodeBefore(cluster: Cluster, volume: Stored<LocalVolume>): string | undefined {
  const { epoch, nodeName } = volume.spec;
  return cluster.copies.store
    .byIndex(BY_VOLUME, nameOf(volume))
    .find(({ spec, status }) => spec.nodeName !== nodeName && status?.copies?.some((copy) => copy.epoch === epoch - 1))
    ?.spec.nodeName;
}
