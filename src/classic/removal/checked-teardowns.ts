import type { KubeClient } from "../../kube/client.ts";
import type { Node } from "../../kube/kinds.ts";
import type { Confirm } from "../../provision/driver.ts";
import type { BusyDirectories } from "../directory/busy-directories.ts";
import { LiveVolumes } from "../directory/live-volumes.ts";
import type { Location, VolumeIndex } from "../directory/locations.ts";
import { isOwnDirectory } from "../directory/own-directory.ts";
import { overlaps } from "../directory/paths.ts";
import { askedFor, sharersOf, type ClassicClaims } from "../directory/sharers.ts";
import type { HelperTask } from "../helper/pods/pod.ts";
import type { HelperWork, WorkContext } from "../helper/work.ts";

/** Why a directory must not be removed now. */
export type Obstacle =
  | { readonly obstacle: "withdrawn" }
  /** A volume that stays uses the directory. */
  | { readonly obstacle: "in use"; readonly other: string }
  /** The directory is made for another volume, whose PersistentVolume is not stored yet. */
  | { readonly obstacle: "making"; readonly other: string };

/**
 * Leaves out volumes whose directory contains the volume's own directory (isOwnDirectory): a
 * PersistentVolume with the hostPath `/opt`, say for monitoring, does not use the volumes below it.
 * One that has this volume's name in its path, is the same directory or lies inside it still
 * counts: it may hold somebody's data.
 */
function withoutThoseAround({ path, volume }: Location, index: VolumeIndex): Pick<VolumeIndex, "near"> {
  if (!isOwnDirectory(path, volume)) return index;
  const isAround = (other: string): boolean => other !== path && overlaps(other, path) && other.length < path.length;
  return {
    near: (directory) =>
      index.near(directory).filter(({ path: other }) => !isAround(other) || isOwnDirectory(other, volume)),
  };
}

export interface CheckDeps {
  readonly client: KubeClient;
  readonly volumes: VolumeIndex;
  readonly claims: ClassicClaims;
  readonly busy: BusyDirectories;
  readonly work: HelperWork;
}

/** A teardown, and the volumes that may prevent it. */
export interface CheckedTeardown {
  readonly task: HelperTask;
  /** Held during the teardown: another volume that is made or removed there has to wait. */
  readonly location: Location;
  /** Cleared of leftover teardowns first. @default `location` */
  readonly cleared?: Location;
  /** Only volumes on this node keep the directory. @default volumes on any node keep it */
  readonly pinnedTo?: Node | undefined;
}

/** Runs every teardown: holds the directory, and checks once more right before it. */
export class CheckedTeardowns {
  readonly #deps: CheckDeps;
  readonly #live: LiveVolumes;

  constructor(deps: CheckDeps) {
    this.#deps = deps;
    this.#live = new LiveVolumes(deps.client);
  }

  /** Removes a directory. Resolves with what prevents it. */
  async run(
    { task, location, cleared = location, pinnedTo }: CheckedTeardown,
    confirm: Confirm,
    context: WorkContext,
  ): Promise<Obstacle | undefined> {
    const { busy, work } = this.#deps;
    const release = await busy.hold(location, context.signal);
    try {
      return await work.tearDown(task, cleared, context, () => this.#obstacle(location, pinnedTo, confirm));
    } finally {
      release();
    }
  }

  /**
   * What keeps the directory, by what is known after the last wait; `confirm` is that wait. Rejects
   * when the API server cannot be asked.
   */
  async #obstacle(location: Location, node: Node | undefined, confirm: Confirm): Promise<Obstacle | undefined> {
    const { claims, volumes, busy, work } = this.#deps;
    // For the volume's own directory the watch is enough: it can only miss a PersistentVolume that
    // somebody makes for it by hand at this moment. Listing all volumes for each removal would be
    // expensive in a large cluster.
    const index = isOwnDirectory(location.path, location.volume) ? volumes : await this.#live.read();
    if (!(await confirm())) return { obstacle: "withdrawn" };
    const { kept } = sharersOf(location, node, withoutThoseAround(location, index), askedFor(claims));
    if (kept !== undefined) return { obstacle: "in use", other: kept };
    const making =
      busy.madeNear(location) ?? work.createPods.makingNear(location).find((volume) => !volumes.has(volume));
    return making === undefined ? undefined : { obstacle: "making", other: making };
  }
}
