import type { VolumeMove } from "../../api/kinds/volume-move.ts";

/** From when a target is chosen until its volumes are at their new place. */
const ARRIVING: ReadonlySet<string> = new Set(["Copying", "Prepared", "Fenced", "Sealed", "Committed"]);

/**
 * The node to which a move brings volumes now. It has a keeper before they are there: a drain of
 * that node lists its pods once, and would end while the data arrives.
 */
export function arrivesAt({ status }: VolumeMove): string | undefined {
  return ARRIVING.has(status?.phase ?? "") ? status?.target : undefined;
}
