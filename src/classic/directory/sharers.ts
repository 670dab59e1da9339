import type { Node, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { keyOf, uidOf } from "../../kube/objects.ts";
import type { Location, LocatedVolume, VolumeIndex } from "./locations.ts";
import { mayLieOn } from "./directory-of.ts";

/**
 * Two volumes may share a directory, by patterns or because somebody made a PersistentVolume by
 * hand. Whoever makes or removes one asks here first.
 */
export interface Sharers {
  /**
   * A volume whose data is or will be removed: its teardown would remove a new volume's data, too.
   */
  readonly removed: string | undefined;
  /** A volume that stays: removing the directory would take its data. */
  readonly kept: string | undefined;
}

/**
 * Other volumes whose directory is the same, contains this one, or lies inside it. Without a `node`
 * those on every node are looked at.
 * `heir`: the claim that the directory is for. An earlier claim of the same name must be gone, so
 * the directory of its volume will be removed.
 */
export function sharersOf(
  location: Location,
  node: Node | undefined,
  index: Pick<VolumeIndex, "near">,
  isAskedFor: IsAskedFor,
  heir?: PersistentVolumeClaim,
): Sharers {
  const isGone = ({ owner }: LocatedVolume): boolean =>
    heir !== undefined && owner?.key === keyOf(heir) && owner.uid !== uidOf(heir);
  const isRemoved = (one: LocatedVolume): boolean => (one.willBeRemoved || isGone(one)) && !isAskedFor(one);
  const others = index
    .near(location.path)
    .filter((other) => other.name !== location.volume && meets(other, location, node));
  return {
    removed: others.find((other) => isRemoved(other))?.name,
    kept: others.find((other) => !isRemoved(other))?.name,
  };
}

/**
 * Whether the present claim of the name in claimRef asks for the volume. Then its data stays
 * although it is Released (planReclaim's `tell-claimed`).
 */
export type IsAskedFor = (volume: LocatedVolume) => boolean;

/** The claims as last seen, by `namespace/name`. */
export interface ClassicClaims {
  get(key: string): PersistentVolumeClaim | undefined;
}

export function askedFor(claims: ClassicClaims): IsAskedFor {
  return ({ claim, name }) => claim !== undefined && claims.get(claim)?.spec?.volumeName === name;
}

/** A wrong yes keeps data or delays a claim, a wrong no loses data: in doubt it is yes. */
function meets(other: LocatedVolume, location: Location, node: Node | undefined): boolean {
  return location.node === undefined || node === undefined || mayLieOn(other.topology, node);
}
