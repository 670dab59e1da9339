/* What an interrupted drain leaves, and how to go on or back. Pure. */
import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../../kube/objects.ts";
import { isFinished } from "../../../move/drains/earlier-moves.ts";

export function howToGoOn(
  nodes: readonly string[],
  cordoned: readonly string[],
  moves: readonly Stored<VolumeMove>[],
): string {
  const remaining = moves.filter((move) => !isFinished(move));
  const state =
    cordoned.length === 0
      ? `${nodesText(nodes)} not cordoned`
      : `${nodesText(cordoned)} cordoned, and nothing evicts pods any more`;
  const goesOn =
    remaining.length === 0 ? "" : `; ${String(remaining.length)} of its VolumeMoves ${goOn(remaining.length)}`;
  // Those of a drain are called off by the uncordon.
  const mine = remaining.filter(({ spec }) => spec.reason !== "Drain").map((move) => nameOf(move));
  const back = [
    ...(cordoned.length === 0 ? [] : [`kubectl uncordon ${cordoned.join(" ")}`]),
    ...(mine.length === 0 ? [] : [`kubectl delete volumemove ${mine.join(" ")}`]),
  ];
  const off = back.length === 0 ? "" : ` To call it off: ${back.join(" && ")}.`;
  return `The drain is not done: ${state}${goesOn}. To go on: moor drain ${nodes.join(" ")}.${off}`;
}

function nodesText(nodes: readonly string[]): string {
  return nodes.length === 1 ? `node ${nodes.join("")} is` : `nodes ${nodes.join(", ")} are`;
}

function goOn(count: number): string {
  return count === 1 ? "goes on" : "go on";
}
