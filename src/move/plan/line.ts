/*
 * The line limits how many volumes move at once. A move takes its places when it leaves Planned and
 * returns them when it commits or ends. A move that is blocked for another reason (no node fits, a
 * budget allows nothing) has no places, so that it does not block other moves. It joins the line
 * again before it is fenced.
 *
 * The oldest VolumeMove goes first. All volumes of a move get their places together. A move with
 * more volumes than a node has places starts when no other move uses its two nodes.
 *
 * The places limit the load on disks and network; correctness does not depend on them. Two moves
 * that are planned at the same moment may both take the last place.
 *
 * A node that is drained may have a hundred moves in line. The work for each of them must not grow
 * with the length of the line:
 *
 *  - A message names the moves ahead only if they are few. Otherwise each move that ends would
 *    change the message of all others.
 *  - When a place becomes free (freesPlaces), only the first moves of each node's line are looked
 *    at (nextInLine). A later move cannot begin: the moves ahead of it leave the same node, so they
 *    begin first.
 */
import type { MovePhase, VolumeMove } from "../../api/kinds/volume-move.ts";
import type { CodedError } from "../../observe/errors.ts";
import { moveErrors } from "../errors.ts";
import type { MoveSnapshot } from "./snapshot.ts";
import { blockedBy } from "./status.ts";
import type { Stored } from "./stored.ts";

/** How many volumes may move to or from one node at once. */
export const MOVING_PER_NODE = 2;
/** How many volumes may move in the cluster at once. */
export const MOVING_IN_CLUSTER = 4;

/**
 * How many moves of each node's line are looked at when a place is free again: those that may
 * begin, and those whose message names the moves before them.
 */
const MOST_NEXT = 4;

const WAITS_IN_LINE = moveErrors.IN_LINE({ ahead: [], limit: 0, where: "" }).code;
const HAS_PLACES: ReadonlySet<MovePhase> = new Set(["Copying", "Prepared", "Fenced", "Sealed"]);

/** Why the move must wait for other moves; undefined when it may begin. */
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

/**
 * Whether another move may begin after this change of a move. `before` is undefined for a move that
 * was just made, `after` for one that was deleted.
 */
export function freesPlaces(before: Stored<VolumeMove> | undefined, after: Stored<VolumeMove> | undefined): boolean {
  const remaining = new Set(after === undefined ? [] : takesPlacesOn(after));
  return before !== undefined && takesPlacesOn(before).some((node) => !remaining.has(node));
}

/** The first moves of the line of each node. `moves` are all VolumeMoves. */
export function nextInLine(moves: readonly Stored<VolumeMove>[]): readonly Stored<VolumeMove>[] {
  const lines = new Map<string, Stored<VolumeMove>[]>();
  for (const move of moves) {
    if (!isInLine(move)) continue;
    const line = lines.get(move.spec.from) ?? [];
    line.push(move);
    lines.set(move.spec.from, line);
  }
  return [...lines.values()].flatMap((line) => line.toSorted(order).slice(0, MOST_NEXT));
}

/** Whether the move has not begun and its status says that other moves are first. */
export function waitsInLine({ status }: VolumeMove): boolean {
  return status?.phase === "Planned" && blockedBy(status)?.reason === WAITS_IN_LINE;
}

/** The nodes where the moves behind this one must wait for it. */
function takesPlacesOn(move: Stored<VolumeMove>): readonly string[] {
  return hasPlaces(move) || isInLine(move) ? nodesOf(move).filter((node) => node !== undefined) : [];
}

/**
 * Whether the move has places now. A move that is blocked before it is fenced has none. From Fenced
 * on it keeps them even while it is blocked, and continues without waiting in the line again.
 */
function hasPlaces({ status }: VolumeMove): boolean {
  if (status?.phase === undefined || !HAS_PLACES.has(status.phase)) return false;
  return status.phase !== "Prepared" || blockedBy(status) === undefined;
}

/** Whether the move begins as soon as a place is free. */
function isInLine({ metadata, status }: Stored<VolumeMove>): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  if (status?.phase === undefined) return true;
  const blocked = blockedBy(status)?.reason;
  if (status.phase === "Prepared") return blocked === WAITS_IN_LINE;
  return status.phase === "Planned" && (blocked === undefined || blocked === WAITS_IN_LINE);
}

function isBefore(a: Stored<VolumeMove>, b: Stored<VolumeMove>): boolean {
  return order(a, b) < 0;
}

/** The oldest first. Moves of the same second are ordered by name. */
function order(a: Stored<VolumeMove>, b: Stored<VolumeMove>): number {
  const [made, other] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
  if (made !== other) return made < other ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
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
