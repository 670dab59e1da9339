/* The message of an interrupted drain: its state, and the commands to continue or cancel. Pure. */
import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../../kube/objects.ts";
import { isFinished } from "../../../move/drains/earlier-moves.ts";

export function howToContinue(
  { nodes, podSelector }: { readonly nodes: readonly string[]; readonly podSelector?: string | undefined },
  cordoned: readonly string[],
  moves: readonly Stored<VolumeMove>[],
): string {
  const remaining = moves.filter((move) => !isFinished(move));
  const state =
    cordoned.length === 0
      ? `${nodesText(nodes)} not cordoned`
      : `${nodesText(cordoned)} cordoned, and nothing evicts pods any more`;
  const running =
    remaining.length === 0 ? "" : `; ${String(remaining.length)} of its VolumeMoves ${verb(remaining.length)}`;
  // `kubectl uncordon` cancels the moves that the controller made for the drain.
  const mine = remaining.filter(({ spec }) => spec.reason !== "Drain").map((move) => nameOf(move));
  const back = [
    ...(cordoned.length === 0 ? [] : [`kubectl uncordon ${cordoned.join(" ")}`]),
    ...(mine.length === 0 ? [] : [`kubectl delete volumemove ${mine.join(" ")}`]),
  ];
  const off = back.length === 0 ? "" : ` To cancel: ${back.join(" && ")}.`;
  const flag = podSelector === undefined ? "" : ` --pod-selector='${podSelector}'`;
  return `The drain is not complete: ${state}${running}. To continue: moor drain ${nodes.join(" ")}${flag}.${off}`;
}

function nodesText(nodes: readonly string[]): string {
  return nodes.length === 1 ? `node ${nodes.join("")} is` : `nodes ${nodes.join(", ")} are`;
}

function verb(count: number): string {
  return count === 1 ? "continues" : "continue";
}
