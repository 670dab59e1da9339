import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";

/**
 * What the volume's move does now, as a sentence without a full stop; undefined when it has none. A
 * move that waits in Planned holds no volume, but its message says what it waits for: that no node
 * fits, or which other move goes first.
 */
export function progressOf(volume: Stored<LocalVolume>, moves: readonly Stored<VolumeMove>[]): string | undefined {
  const { activeMove } = volume.spec;
  const move =
    moves.find(({ metadata }) => metadata.uid === activeMove?.uid) ??
    moves.find(
      ({ spec, status }) =>
        status?.phase !== "Done" &&
        status?.phase !== "Cancelled" &&
        spec.volumes.some(({ name }) => name === nameOf(volume)),
    );
  return move?.status?.message?.replace(/\.$/, "");
}
