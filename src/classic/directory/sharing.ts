import type { KubeClient } from "../../kube/client.ts";
import type { Node, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { keyOf, uidOf } from "../../kube/objects.ts";
import type { HelperWork } from "../helper/work.ts";
import type { InFlight } from "./busy-directories.ts";
import { LiveVolumes } from "./live-volumes.ts";
import { isOwnDirectory } from "./own-directory.ts";
import { overlaps } from "./paths.ts";
import type { Place, PlacedVolume, VolumeIndex } from "./locations.ts";
import { mayLieOn } from "./directory-of.ts";

/**
 * Two volumes may share a directory, by patterns or because somebody made a PersistentVolume by
 * hand. Whoever makes or removes one asks here first.
 */
export interface Sharers {
  /**
   * A volume whose data is or will be removed: its teardown would take a new volume there with it.
   */
  readonly going: string | undefined;
  /** A volume that stays: removing the directory would take its data. */
  readonly staying: string | undefined;
}

/**
 * Other volumes whose directory is, contains or lies in this place. `node` undefined: any node.
 * `heir`: the claim the place is for; a claim of the same name before it is gone for certain, and
 * its volume's directory goes.
 */
export function sharersOf(
  place: Place,
  node: Node | undefined,
  index: VolumeIndex,
  heir?: PersistentVolumeClaim,
): Sharers {
  const goes = ({ goes: released, owner }: PlacedVolume): boolean =>
    released || (heir !== undefined && owner?.key === keyOf(heir) && owner.uid !== uidOf(heir));
  const others = index.near(place.path).filter((other) => other.name !== place.volume && meets(other, place, node));
  return {
    going: others.find((other) => goes(other))?.name,
    staying: others.find((other) => !goes(other))?.name,
  };
}

/** A wrong yes keeps data or delays a claim, a wrong no loses data: in doubt it is yes. */
function meets(other: PlacedVolume, place: Place, node: Node | undefined): boolean {
  return place.node === undefined || node === undefined || mayLieOn(other.placement, node);
}

/** Why a directory must not be removed now. */
export type Obstacle =
  | { readonly obstacle: "withdrawn" }
  /** A volume that stays has it. */
  | { readonly obstacle: "staying"; readonly other: string }
  /** It is made for another volume, whose PersistentVolume is not there yet. */
  | { readonly obstacle: "making"; readonly other: string };

/**
 * A volume whose directory is around a directory of our own making does not hold it: somebody's
 * hostPath `/opt`, or that of a monitoring pod, is not about the volumes below it. Its own
 * directory has the volume's name in its path; one that is equal, or inside, may hold somebody's
 * data.
 */
function withoutThoseAround({ path, volume }: Place, index: VolumeIndex): VolumeIndex {
  if (!isOwnDirectory(path, volume)) return index;
  const isAround = (other: string): boolean => other !== path && overlaps(other, path) && other.length < path.length;
  return {
    near: (directory) =>
      index.near(directory).filter(({ path: other }) => !isAround(other) || isOwnDirectory(other, volume)),
    has: (name) => index.has(name),
    get: (name) => index.get(name),
  };
}

export interface RemovalCheckDeps {
  readonly client: KubeClient;
  readonly volumes: VolumeIndex;
  readonly inFlight: InFlight;
  readonly work: HelperWork;
}

/** The last question before a teardown. */
export class RemovalCheck {
  readonly #deps: RemovalCheckDeps;
  readonly #live: LiveVolumes;

  constructor(deps: RemovalCheckDeps) {
    this.#deps = deps;
    this.#live = new LiveVolumes(deps.client);
  }

  /**
   * What keeps the directory, all things known at the end of the last wait; `confirm` is that wait.
   * Rejects when the API server cannot be asked.
   */
  async ask(place: Place, node: Node | undefined, confirm: () => Promise<boolean>): Promise<Obstacle | undefined> {
    const { volumes, inFlight, work } = this.#deps;
    // For a directory of its own the watch will do: only somebody who makes a PersistentVolume for
    // it by hand at this very moment would be missed. Listing all for each would cost a large
    // cluster dear.
    const index = isOwnDirectory(place.path, place.volume) ? volumes : await this.#live.read();
    if (!(await confirm())) return { obstacle: "withdrawn" };
    const { staying } = sharersOf(place, node, withoutThoseAround(place, index));
    if (staying !== undefined) return { obstacle: "staying", other: staying };
    const making = inFlight.madeNear(place) ?? work.createPods.makingNear(place).find((volume) => !volumes.has(volume));
    return making === undefined ? undefined : { obstacle: "making", other: making };
  }
}
