import type { Clock } from "../../effects/clock.ts";
import type { Node, PersistentVolume } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";
import { bytes } from "../../kube/quantity.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import type { Confirm, RemovedVolume } from "../../provision/driver.ts";
import { aboutVolume } from "../../provision/events.ts";
import { configOf, isShared } from "../directory/base-path.ts";
import type { ClassConfig } from "../settings/config.ts";
import { classicErrors } from "../errors.ts";
import type { HelperTask } from "../helper/pods/pod.ts";
import { locationText, wrapped } from "../helper/wording.ts";
import type { HelperWork } from "../helper/work.ts";
import type { BusyDirectories } from "../directory/busy-directories.ts";
import { NOBODY } from "../directory/name.ts";
import type { Location } from "../directory/locations.ts";
import { directoryOf, NODE_PATIENCE_MS, nodeOf, topologyOf, releasedSince } from "../directory/directory-of.ts";
import type { Settings } from "../settings/settings.ts";
import type { Obstacle, RemovalCheck } from "./check.ts";

interface RemovalDeps {
  readonly work: HelperWork;
  readonly busy: BusyDirectories;
  readonly check: RemovalCheck;
  readonly nodes: { all(): Iterable<Node> };
  readonly clock: Clock;
  readonly log: Log;
}

interface Context {
  readonly settings: Settings;
  readonly confirm: Confirm;
  readonly signal: AbortSignal;
}

const UNKNOWN_CLASS = "CLASSIC_UNKNOWN_CLASS";

/**
 * Whether a volume lies on a file system that all nodes share. One with a node affinity does not,
 * whatever its class says: the class may have changed, or be gone from the configuration. For one
 * without, when its class is gone, any class that has the directory on its shared file system takes
 * its place. Throws CLASSIC_UNKNOWN_CLASS when none does.
 */
function isOnSharedFileSystem(volume: PersistentVolume, { config }: Settings): boolean {
  if (topologyOf(volume).affinity === "given") return false;
  const storageClass = volume.spec?.storageClassName ?? "";
  const isGone = config.classes.size > 0 && !config.classes.has(storageClass);
  const path = directoryOf(volume);
  const holds = ({ sharedFileSystemPath: base }: ClassConfig): boolean =>
    base !== "" && path?.startsWith(`${base.replace(/\/+$/, "")}/`) === true;
  if (isGone && [...config.classes.values()].some(holds)) return true;
  return isShared(configOf(config, storageClass));
}

/**
 * Removes the directory of a Released PersistentVolume of whatever version, or says why it stays.
 *
 * The PersistentVolume says where the directory is, not the class as it is configured now: one with
 * a node affinity lies on that node's disk; only one without may lie on a file system that all
 * nodes share.
 */
export class Removal {
  readonly #deps: RemovalDeps;
  /** By UID of the PersistentVolume: since when its node has been missing at every look. */
  readonly #missingSince = new Map<string, number>();

  constructor(deps: RemovalDeps) {
    this.#deps = deps;
  }

  async remove(volume: PersistentVolume, context: Context): Promise<RemovedVolume> {
    const name = volume.metadata?.name ?? "";
    try {
      return await this.#remove(volume, name, isOnSharedFileSystem(volume, context.settings), context);
    } catch (error) {
      if (context.signal.aborted) throw error;
      // The one error that the original does not wrap.
      if (error instanceof CodedError && error.code === UNKNOWN_CLASS) throw error;
      this.#deps.log.info(`clean up volume ${name} failed: ${messageOf(error)}`, { volume: name, err: error });
      throw wrapped("DELETE_FAILED", name, error);
    }
  }

  async #remove(
    volume: PersistentVolume,
    name: string,
    shared: boolean,
    { settings, confirm, signal }: Context,
  ): Promise<RemovedVolume> {
    const { work, busy, check, nodes, log, clock } = this.#deps;
    const path = directoryOf(volume);
    if (path === undefined) throw classicErrors.NO_PATH_SET({});
    if (volume.spec?.persistentVolumeReclaimPolicy === "Retain") {
      log.info(`Retained volume ${name}`, { volume: name });
      return { outcome: "kept", message: `Retained volume ${name} at ${path}` };
    }
    const topology = topologyOf(volume);
    const pinned = topology.affinity === "given";
    const answer = shared ? undefined : nodeOf(topology, nodes.all());
    if (answer?.found === "none") return this.#withoutNode(volume, name, answer.wanted, path);
    this.#missingSince.delete(uidOf(volume));
    const node = answer?.node.metadata?.name ?? "";

    const location: Location = { volume: name, node: pinned ? node : undefined, path };
    const task: HelperTask = {
      action: "delete",
      volumeName: name,
      released: {
        uid: uidOf(volume),
        claimUid: volume.spec?.claimRef?.uid,
        since: releasedSince(volume, clock.now()),
      },
      path,
      node,
      shared,
      sizeBytes: bytes(volume.spec?.capacity?.["storage"] ?? "0"),
      mode: volume.spec?.volumeMode ?? "Filesystem",
      ownership: NOBODY,
    };
    const release = await busy.hold(location, signal);
    try {
      const about = aboutVolume(volume);
      const ask = (): Promise<Obstacle | undefined> => check.ask(location, pinned ? answer?.node : undefined, confirm);
      const obstacle = await work.tearDown(task, location, { settings, about, signal }, ask);
      if (obstacle !== undefined) {
        const stays = this.#stays(name, locationText(node, path), obstacle, path);
        return stays.outcome === "kept" && answer !== undefined ? { ...stays, on: answer.node } : stays;
      }
    } finally {
      release();
    }
    return { outcome: "removed" };
  }

  #stays(name: string, where: string, obstacle: Obstacle, path: string): RemovedVolume {
    switch (obstacle.obstacle) {
      case "withdrawn":
        return { outcome: "withdrawn" };
      case "making":
        throw classicErrors.PATH_BEING_MADE({ path, other: obstacle.other });
      case "in use": {
        const { other } = obstacle;
        this.#deps.log.warn("a directory is kept because another volume uses it", { volume: name, other, path });
        const message = `volume ${name} is gone, its directory ${where} is kept: it overlaps the directory of volume ${other}`;
        return { outcome: "kept", message };
      }
      default:
        return obstacle satisfies never;
    }
  }

  /**
   * The node that has the directory does not exist now. It may come back from repair, so the volume
   * waits. When the node has been missing at every look for a day, and the volume was Released all
   * that time, the PersistentVolume is deleted and the directory stays wherever it is. A new leader
   * starts the day again: it cannot know whether the node was there meanwhile.
   */
  #withoutNode(volume: PersistentVolume, name: string, wanted: string, path: string): RemovedVolume {
    const { clock, log } = this.#deps;
    const now = clock.now();
    const missing = this.#missingSince.get(uidOf(volume)) ?? now;
    const end = Math.max(missing, releasedSince(volume, missing)) + NODE_PATIENCE_MS;
    if (now < end) {
      this.#missingSince.set(uidOf(volume), missing);
      const until = new Date(end).toISOString();
      return {
        outcome: "waiting",
        message: `Node ${wanted} does not exist: volume ${name} stays Released until the node is back, or until ${until}, when its directory ${path} is given up`,
        retryAfterMs: end - now,
      };
    }
    this.#missingSince.delete(uidOf(volume));
    log.info(`Node ${wanted} does not exist, skipping cleanup of volume ${name}`, { volume: name, node: wanted, path });
    return {
      outcome: "kept",
      message: `Node ${wanted} does not exist, skipping cleanup of volume ${name}: its directory ${path} is left behind there`,
    };
  }
}
