/*
 * What `moor undo` does. Pure.
 *
 * Before the commit the controller undoes a move itself: its VolumeMove is deleted, which leads it
 * through Undoing. After the commit the copy on the target is the volume. The copy that stays
 * behind in the trash lacks what was written since, and nothing makes it the volume again. So
 * undoing it then is a move home with the data as it is now.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { BY_VOLUME } from "../../movable/volumes/loop.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { claimIn, moveOf, type ClaimName } from "../cluster/volumes.ts";
import { moorErrors } from "../errors.ts";
import { planCancel } from "../move/cancel.ts";
import { movableVolumeOf, planRequest, type RequestPlan } from "../move/request.ts";

export type UndoPlan =
  /** It is not committed: delete it. */
  | { readonly step: "delete"; readonly move: Stored<VolumeMove> }
  /** It is: move back. */
  | {
      readonly step: "move-home";
      readonly claim: ClaimName;
      readonly from: string;
      readonly to: string;
      readonly plan: RequestPlan;
    };

/**
 * `named`: the move that was asked about, where one was. Throws an error with a code when there is
 * nothing to undo, or when it cannot be now.
 */
export function planUndo(cluster: Cluster, claim: ClaimName, suffix: string, named?: Stored<VolumeMove>): UndoPlan {
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

/** What an argument of `moor undo` names. */
export interface Undoable {
  readonly claim: ClaimName;
  readonly move?: Stored<VolumeMove>;
}

/**
 * `volumemove/NAME`, `pvc/NAME`, or a bare name: a claim, else a move. Throws when it is not there.
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

/** The move that brought the volume where it is. */
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

/** Where the copy of the stay before this one is: until it is purged, also without a VolumeMove. */
function nodeBefore(cluster: Cluster, volume: Stored<LocalVolume>): string | undefined {
  const { epoch, nodeName } = volume.spec;
  return cluster.copies.store
    .byIndex(BY_VOLUME, nameOf(volume))
    .find(({ spec, status }) => spec.nodeName !== nodeName && status?.copies?.some((copy) => copy.epoch === epoch - 1))
    ?.spec.nodeName;
}
