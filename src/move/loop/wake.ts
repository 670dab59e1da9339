/*
 * Which moves are looked at again after a change. A node that is drained may have a hundred moves
 * in line (src/move/plan/line.ts). While one move is in progress, about a hundred objects change.
 * So a move in line is looked at only when
 *
 *   - one of its own objects changes: itself, its volumes and copies, their pods, its scouts;
 *   - a Node is added or deleted, or its spec changes (a cordon ends);
 *   - a place becomes free, and the move is one of the first in line.
 *
 * Everything else (room, the health of nodes, other pods) is looked at when its turn has come.
 *
 * A move that is not in line and has not ended is also looked at when something changes on its
 * nodes. If it is blocked before it is fenced, it is looked at as well when another move enters
 * another phase.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Cached, Change } from "../../kube/watch/store.ts";
import { volumesOfPod } from "../../movable/pod-volumes.ts";
import { isFinished } from "../drains/earlier-moves.ts";
import { freesPlaces, nextInLine, waitsInLine } from "../plan/line.ts";
import { blockedBy } from "../plan/status.ts";
import { moveOf } from "../scouts/scout.ts";

export interface WakeSources {
  readonly moves: Pick<Informer<VolumeMove>, "onChange" | "store">;
  readonly volumes: Pick<Informer<LocalVolume>, "onChange">;
  readonly copies: Pick<Informer<VolumeCopy>, "onChange">;
  readonly storageNodes: Pick<Informer<StorageNode>, "onChange">;
  readonly nodes: Pick<Informer<Node>, "onChange">;
  readonly pods: Pick<Informer<Pod>, "onChange">;
  readonly claims: Pick<Informer<PersistentVolumeClaim>, "onChange" | "store">;
  readonly persistentVolumes: Cached<PersistentVolume>;
}

/** Calls `look` with the name of each move that a change concerns. Returns a function to stop. */
export function lookAfterChanges(sources: WakeSources, look: (move: string) => void): () => void {
  const { claims, copies, moves, nodes, pods, storageNodes, volumes } = sources;
  const lookAtEach = (concerns: (move: Stored<VolumeMove>) => boolean): void => {
    for (const move of moves.store.list()) if (!isFinished(move) && concerns(move)) look(nameOf(move));
  };
  const stops = [
    moves.onChange((change) => {
      look(change.key);
      if (isPlaceFree(change)) for (const move of nextInLine(moves.store.list())) look(nameOf(move));
      // A blocked move may wait for room, or for a volume that another move holds.
      if (entersPhase(change)) lookAtEach((move) => isHeldUp(move) && !waitsInLine(move));
    }),
    volumes.onChange(({ key }) => {
      lookAtEach((move) => hasVolume(move, key));
    }),
    copies.onChange(({ object }) => {
      for (const move of moves.store.list()) if (hasVolume(move, object.spec.volume)) look(nameOf(move));
    }),
    pods.onChange(({ object }) => {
      const asking = moveOf(object);
      if (asking !== undefined) {
        look(asking);
        return;
      }
      const { nodeName } = object.spec ?? {};
      const used = volumesOfPod(sources, object);
      lookAtEach((move) => {
        if (used.some((volume) => hasVolume(move, volume))) return true;
        const { spec, status } = move;
        const isNear = nodeName === undefined || nodeName === spec.from || nodeName === status?.target;
        return isNear && !waitsInLine(move);
      });
    }),
    // The scheduler writes its answer on the claim of a scout.
    claims.onChange(({ object }) => {
      const asking = moveOf(object);
      if (asking !== undefined) look(asking);
    }),
    nodes.onChange(({ key, object, old }) => {
      const isOther = (what: (node: Stored<Node>) => unknown): boolean =>
        old === undefined || JSON.stringify(what(object)) !== JSON.stringify(what(old));
      if (isOther(({ spec }) => spec)) lookAtEach(() => true);
      // Each volume that moves changes the labels of two nodes.
      else if (isOther(({ metadata }) => metadata.labels)) lookAtEach((move) => !waitsInLine(move));
      else lookAtEach((move) => isOnNode(move, key) && !waitsInLine(move));
    }),
    storageNodes.onChange(({ key }) => {
      lookAtEach((move) => isOnNode(move, key) && !waitsInLine(move));
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Whether the change of a move may let another one begin. */
export function isPlaceFree({ object, old, type }: Change<Stored<VolumeMove>>): boolean {
  return type === "deleted" ? freesPlaces(object, undefined) : freesPlaces(old, object);
}

function entersPhase({ object, old, type }: Change<Stored<VolumeMove>>): boolean {
  return type === "deleted" || old?.status?.phase !== object.status?.phase;
}

/** Whether the move is blocked before it is fenced. Waiting for the scheduler is not blocked. */
function isHeldUp({ status }: VolumeMove): boolean {
  return (status?.phase === "Planned" || status?.phase === "Prepared") && blockedBy(status) !== undefined;
}

function hasVolume({ spec }: VolumeMove, name: string): boolean {
  return spec.volumes.some((volume) => volume.name === name);
}

function isOnNode({ spec, status }: VolumeMove, name: string): boolean {
  return spec.from === name || (status?.target ?? spec.to ?? name) === name;
}
