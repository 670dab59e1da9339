import type { LocalVolume } from "../../../api/kinds/local-volume.ts";
import type { CopyOfEpoch, VolumeCopy } from "../../../api/kinds/volume-copy.ts";
import { existing } from "../parts.ts";
import type { MoveSnapshot, NodeView } from "../snapshot.ts";
import { bootIdOf } from "./agents.ts";

/**
 * The bytes of the volumes that live passes of an earlier move have copied to a node, so that the
 * next move continues there. Undefined: there is no such copy on the node.
 *
 * A copy is continued by what the agents remember of it. So it does not count when the machine was
 * started again since then, nor after a final pass, whose report has no `copyingAt`. It does not
 * count either when the last passes have failed: they would perhaps fail again.
 */
export function bytesBegun(
  s: Pick<MoveSnapshot, "volumes">,
  node: NodeView,
  copyOn: (volume: string) => VolumeCopy | undefined,
): number | undefined {
  const begun = existing(s).flatMap(({ name, volume: { spec } }) => {
    const copy = copyOn(name);
    const report = copy?.status?.move;
    if (report?.role !== "Target" || report.state === "Refused") return [];
    if (report.copyingAt === undefined || report.bootID !== bootIdOf(node)) return [];
    return incomingOf(copy, spec) !== undefined ? [(report.bytes ?? 0) - (report.toRead ?? 0)] : [];
  });
  return begun.length === 0 ? undefined : begun.reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * How many of the `needed` bytes the copy still needs on the node with this VolumeCopy. The bytes
 * that a move has copied there are no longer free, so they are subtracted. The node's agent has
 * counted them up to a minute ago, or much longer ago for a large tree.
 */
export function notThere(needed: bigint, copy: VolumeCopy | undefined, spec: LocalVolume["spec"]): bigint {
  const there = BigInt(incomingOf(copy, spec)?.bytes ?? 0);
  return needed > there ? needed - there : 0n;
}

/** The copy that a move has begun on the node, for the next epoch of the volume. */
function incomingOf(copy: VolumeCopy | undefined, spec: LocalVolume["spec"]): CopyOfEpoch | undefined {
  return copy?.status?.copies?.find(
    ({ epoch, incarnation, missing, state }) =>
      state === "Incoming" && missing !== true && epoch === spec.epoch + 1 && incarnation === spec.incarnation,
  );
}
