import type { Memories, Memory } from "../../transfer/passes/memories.ts";
import { recordsCount, type VolumeView } from "../view.ts";

/**
 * What this side remembers of the passes of a copy of the source's epoch. After a failed copy the
 * records do not count any more, and everything is read again.
 */
export function memoryFor(
  memories: Memories,
  { move, volume }: VolumeView,
  copy: { readonly epoch: number; readonly incarnation: string } | undefined,
  { sealed }: { readonly sealed: boolean },
): Memory | undefined {
  if (move === undefined || copy === undefined || !recordsCount(move)) return undefined;
  return memories.of(volume, { ...copy, moveUID: move.metadata.uid }, { sealed });
}
