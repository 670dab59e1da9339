/*
 * The line: how many volumes are moved at once. A move takes its places when it leaves Planned and gives
 * them back at the commit or the end. A move that cannot go on for another reason (no node fits, a budget
 * that allows nothing) has none, so that it holds up nobody; it comes into the line again before it is
 * fenced.
 *
 * First come, first served, by the time at which the VolumeMove was made. All volumes of a move get their
 * places at once. A move with more volumes than a node has places goes when nothing else is moved on its
 * two nodes.
 *
 * The places bound the load on disks and network; nothing else rests on them. Two moves that are planned
 * in the same moment may both take the last one.
 */
import type { MovePhase, VolumeMove } from "../../api/kinds/volume-move.ts";
import type { CodedError } from "../../observe/errors.ts";
import { moveErrors } from "../errors.ts";
import type { MoveSnapshot } from "./snapshot.ts";
import { blockedBy } from "./status.ts";
import type { Stored } from "./stored.ts";

/** Volumes that come to or leave one node at once. */
export const MOVING_PER_NODE = 2;
/** Volumes that move at once in the cluster. */
export const MOVING_IN_CLUSTER = 4;

const WAITS_IN_LINE = moveErrors.IN_LINE({ ahead: [], limit: 0, where: "" }).code;
const HAS_PLACES: ReadonlySet<MovePhase> = new Set(["Copying", "Prepared", "Fenced", "Sealed"]);

/** Why the move must wait for others; undefined when it may begin. */
export function whyInLine(s: MoveSnapshot): CodedError | undefined {
  const { move, others, source, target } = s;
  if (target === undefined) return undefined;
  const nodes = [source.name, target.name];
  const before = others.filter((other) => hasPlaces(other) || (isInLine(other) && isBefore(other, move)));
  const mine = count(move);
  for (const node of nodes) {
    const here = before.filter((other) => nodesOf(other).includes(node));
    const used = sum(here);
    if (used > 0 && used + mine > MOVING_PER_NODE) {
      return moveErrors.IN_LINE({ ahead: names(here), limit: MOVING_PER_NODE, where: `on node ${node}` });
    }
  }
  const used = sum(before);
  if (mine > MOVING_PER_NODE || used + mine <= MOVING_IN_CLUSTER) return undefined;
  return moveErrors.IN_LINE({ ahead: names(before), limit: MOVING_IN_CLUSTER, where: "in the cluster" });
}

/** Whether it moves now, as far as it can: one that is held by something else does not. */
function hasPlaces({ status }: VolumeMove): boolean {
  return status?.phase !== undefined && HAS_PLACES.has(status.phase) && blockedBy(status) === undefined;
}

/** Whether it will begin as soon as there is a place. */
function isInLine({ metadata, status }: Stored<VolumeMove>): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  if (status?.phase === undefined) return true;
  const blocked = blockedBy(status)?.reason;
  if (status.phase === "Prepared") return blocked === WAITS_IN_LINE;
  return status.phase === "Planned" && (blocked === undefined || blocked === WAITS_IN_LINE);
}

function isBefore(a: Stored<VolumeMove>, b: Stored<VolumeMove>): boolean {
  const [made, other] = [a, b].map(({ metadata }) => metadata.creationTimestamp ?? "");
  if (made === other) return a.metadata.name < b.metadata.name;
  return (made ?? "") < (other ?? "");
}

function nodesOf({ spec, status }: VolumeMove): readonly (string | undefined)[] {
  return [spec.from, status?.target ?? spec.to];
}

function count({ spec }: VolumeMove): number {
  return new Set(spec.volumes.map(({ name }) => name)).size;
}

function sum(moves: readonly VolumeMove[]): number {
  return moves.reduce((all, move) => all + count(move), 0);
}

function names(moves: readonly Stored<VolumeMove>[]): readonly string[] {
  return moves.map(({ metadata }) => metadata.name).toSorted();
}
