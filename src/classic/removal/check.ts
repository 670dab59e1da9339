import type { KubeClient } from "../../kube/client.ts";
import type { Node } from "../../kube/kinds.ts";
import type { BusyDirectories } from "../directory/busy-directories.ts";
import { LiveVolumes } from "../directory/live-volumes.ts";
import type { Location, VolumeIndex } from "../directory/locations.ts";
import { isOwnDirectory } from "../directory/own-directory.ts";
import { overlaps } from "../directory/paths.ts";
import { sharersOf } from "../directory/sharers.ts";
import type { HelperWork } from "../helper/work.ts";

/** Why a directory must not be removed now. */
export type Obstacle =
  | { readonly obstacle: "withdrawn" }
  /** A volume that stays has it. */
  | { readonly obstacle: "in use"; readonly other: string }
  /** It is made for another volume, whose PersistentVolume is not there yet. */
  | { readonly obstacle: "making"; readonly other: string };

/**
 * A volume whose directory is around a directory of our own making does not hold it: somebody's
 * hostPath `/opt`, or that of a monitoring pod, is not about the volumes below it. Its own
 * directory has the volume's name in its path; one that is equal, or inside, may hold somebody's
 * data.
 */
function withoutThoseAround({ path, volume }: Location, index: VolumeIndex): VolumeIndex {
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
  readonly busy: BusyDirectories;
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
  async ask(
    location: Location,
    node: Node | undefined,
    confirm: () => Promise<boolean>,
  ): Promise<Obstacle | undefined> {
    const { volumes, busy, work } = this.#deps;
    // For a directory of its own the watch will do: only somebody who makes a PersistentVolume for
    // it by hand at this very moment would be missed. Listing all for each would cost a large
    // cluster dear.
    const index = isOwnDirectory(location.path, location.volume) ? volumes : await this.#live.read();
    if (!(await confirm())) return { obstacle: "withdrawn" };
    const { kept } = sharersOf(location, node, withoutThoseAround(location, index));
    if (kept !== undefined) return { obstacle: "in use", other: kept };
    const making =
      busy.madeNear(location) ?? work.createPods.makingNear(location).find((volume) => !volumes.has(volume));
    return making === undefined ? undefined : { obstacle: "making", other: making };
  }
}
