import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { restsOf } from "../drains/earlier-moves.ts";
import { timeOf } from "../plan/timing.ts";

/**
 * What the volume's move does now, as a sentence without a full stop. A move that waits in Planned
 * holds no volume, but its message is useful: it says that no node fits, or which other move goes
 * first. If there is no move, and a drain's last one was undone: why, and the earliest time of the
 * next one. Undefined: neither.
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
  if (move !== undefined) return move.status?.message?.replace(/\.$/, "");
  const rest = restsOf(moves, volume.spec.nodeName).get(nameOf(volume));
  return rest && `${rest.why.replace(/\.$/, "")}; the next move begins after ${timeOf(rest.until)}`;
}
