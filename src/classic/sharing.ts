import type { Node } from "../kube/kinds.ts";
import type { Place } from "./in-flight.ts";
import type { PlacedVolume, VolumeIndex } from "./places.ts";
import { mayLieOn } from "./reclaim.ts";

/** Two volumes may share a directory, by patterns or because somebody made a PersistentVolume by hand. Whoever makes or removes one asks here first. */
export interface Sharers {
  /** A volume whose data is or will be removed: its teardown would take a new volume there with it. */
  readonly going: string | undefined;
  /** A volume that stays: removing the directory would take its data. */
  readonly staying: string | undefined;
}

/** Other volumes whose directory is, contains or lies in this place. `node` undefined: any node. */
export function sharersOf(place: Place, node: Node | undefined, index: VolumeIndex): Sharers {
  const others = index.near(place.path).filter((other) => other.name !== place.volume && meets(other, place, node));
  return {
    going: others.find((other) => other.goes)?.name,
    staying: others.find((other) => !other.goes)?.name,
  };
}

/** A wrong yes keeps data or delays a claim, a wrong no loses data: in doubt it is yes. */
function meets(other: PlacedVolume, place: Place, node: Node | undefined): boolean {
  return place.node === undefined || node === undefined || mayLieOn(other.placement, node);
}
