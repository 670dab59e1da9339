import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";

/**
 * The current activity of the volume's move, as a sentence without a full stop. Undefined: it has
 * no move. A move that waits in Planned holds no volume, but its message is useful: it says that no
 * node fits, or which other move goes first.
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
