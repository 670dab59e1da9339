import type { Clock } from "../effects/clock.ts";
import type { Node, PersistentVolume } from "../kube/kinds.ts";
import { uidOf } from "../kube/objects.ts";
import { bytes } from "../kube/quantity.ts";
import { messageOf } from "../observe/errors.ts";
import type { Log } from "../observe/log.ts";
import type { RemovedVolume } from "../provision/driver.ts";
import { aboutVolume } from "../provision/events.ts";
import { configOf, isShared } from "./base-path.ts";
import { classicErrors } from "./errors.ts";
import { type HelperWork, placeText, wrapped } from "./helper/work.ts";
import type { InFlight, Place } from "./in-flight.ts";
import type { VolumeIndex } from "./places.ts";
import { directoryOf, NODE_PATIENCE_MS, nodeOf, placementOf, releasedSince } from "./reclaim.ts";
import type { Settings } from "./settings.ts";
import { sharersOf } from "./sharing.ts";

interface RemovalDeps {
  readonly work: HelperWork;
  readonly inFlight: InFlight;
  readonly nodes: { all(): Iterable<Node> };
  readonly volumes: VolumeIndex;
  readonly clock: Clock;
  readonly log: Log;
}

/** Removes the directory of a Released PersistentVolume of whatever version, or says why it stays. */
export class Removal {
  readonly #deps: RemovalDeps;
  /** By UID of the PersistentVolume: when it was first found without its node. */
  readonly #firstSeen = new Map<string, number>();

  constructor(deps: RemovalDeps) {
    this.#deps = deps;
  }

  async remove(volume: PersistentVolume, settings: Settings, signal: AbortSignal): Promise<RemovedVolume> {
    const name = volume.metadata?.name ?? "";
    // The one error that the original does not wrap.
    const config = configOf(settings.config, volume.spec?.storageClassName ?? "");
    try {
      return await this.#remove(volume, name, isShared(config), settings, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#deps.log.info(`clean up volume ${name} failed: ${messageOf(error)}`, { volume: name, err: error });
      throw wrapped("DELETE_FAILED", name, error);
    }
  }

  async #remove(
    volume: PersistentVolume,
    name: string,
    shared: boolean,
    settings: Settings,
    signal: AbortSignal,
  ): Promise<RemovedVolume> {
    const { work, inFlight, nodes, volumes, log } = this.#deps;
    const path = directoryOf(volume);
    if (path === undefined) throw classicErrors.NO_PATH_SET({});
    if (volume.spec?.persistentVolumeReclaimPolicy === "Retain") {
      log.info(`Retained volume ${name}`, { volume: name });
      return { outcome: "kept", reason: "Retained", message: `Retained volume ${name} at ${path}` };
    }
    const answer = shared ? undefined : nodeOf(placementOf(volume), nodes.all());
    if (answer?.found === "none") return this.#withoutNode(volume, name, answer.wanted, path);
    this.#firstSeen.delete(uidOf(volume));
    const node = answer?.node.metadata?.name ?? "";

    const place: Place = { volume: name, node: shared ? undefined : node, path };
    const release = await inFlight.hold(place, signal);
    try {
      const { staying } = sharersOf(place, answer?.node, volumes);
      if (staying !== undefined) {
        log.warn("a directory is kept because another volume uses it", { volume: name, other: staying, path });
        const message = `volume ${name} is gone, its directory ${placeText(node, path)} is kept: it overlaps the directory of volume ${staying}`;
        return { outcome: "kept", reason: "DirectoryShared", message };
      }
      const making = inFlight.madeNear(place);
      if (making !== undefined) throw classicErrors.PATH_BEING_MADE({ path, other: making });
      await work.tearDown(
        {
          action: "delete",
          volumeName: name,
          path,
          node,
          shared,
          sizeBytes: bytes(volume.spec?.capacity?.["storage"] ?? "0"),
          mode: volume.spec?.volumeMode ?? "Filesystem",
          ownership: { user: "", group: "", perm: "" },
        },
        { settings, about: aboutVolume(volume), signal },
      );
    } finally {
      release();
    }
    inFlight.forget(name);
    await work.removeCreatePods(name);
    return { outcome: "removed" };
  }

  /** No node has the directory now. It may come back from repair: a day is waited, and then the object goes and the directory stays wherever it is. */
  #withoutNode(volume: PersistentVolume, name: string, wanted: string, path: string): RemovedVolume {
    const { clock, log } = this.#deps;
    const now = clock.now();
    const seen = this.#firstSeen.get(uidOf(volume)) ?? now;
    const end = releasedSince(volume, seen) + NODE_PATIENCE_MS;
    if (now < end) {
      this.#firstSeen.set(uidOf(volume), seen);
      const until = new Date(end).toISOString();
      return {
        outcome: "waiting",
        message: `Node ${wanted} does not exist: volume ${name} stays Released until the node is back, or until ${until}, when its directory ${path} is given up`,
        retryAfterMs: end - now,
      };
    }
    this.#firstSeen.delete(uidOf(volume));
    log.info(`Node ${wanted} does not exist, skipping cleanup of volume ${name}`, { volume: name, node: wanted, path });
    return {
      outcome: "kept",
      reason: "NodeGone",
      message: `Node ${wanted} does not exist, skipping cleanup of volume ${name}: its directory ${path} is left behind there`,
    };
  }
}
