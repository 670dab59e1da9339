import type { Clock } from "../../effects/clock.ts";
import type { Node, PersistentVolume } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import type { Confirm, RemovedVolume } from "../../provision/driver.ts";
import { aboutVolume } from "../../provision/events.ts";
import { classicErrors } from "../errors.ts";
import { locationText, wrapped } from "../helper/wording.ts";
import { NODE_PATIENCE_MS, releasedSince } from "../directory/directory-of.ts";
import type { Settings } from "../settings/settings.ts";
import type { CheckedTeardowns, Obstacle } from "./checked-teardowns.ts";
import { planRemove, type TearDownStep } from "./plan-remove.ts";

interface RemovalDeps {
  readonly teardowns: CheckedTeardowns;
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
 * Removes the directory of a Released PersistentVolume, also of one that another version made, or
 * says why it stays.
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
      return await this.#remove(volume, name, context);
    } catch (error) {
      if (context.signal.aborted) throw error;
      // The one error that the original does not wrap.
      if (error instanceof CodedError && error.code === UNKNOWN_CLASS) throw error;
      this.#deps.log.info(`clean up volume ${name} failed: ${messageOf(error)}`, { volume: name, err: error });
      throw wrapped("DELETE_FAILED", name, error);
    }
  }

  async #remove(volume: PersistentVolume, name: string, context: Context): Promise<RemovedVolume> {
    const { nodes, log, clock } = this.#deps;
    const step = planRemove(volume, { config: context.settings.config, nodes: nodes.all(), now: clock.now() });
    switch (step.step) {
      case "retain":
        log.info(`Retained volume ${name}`, { volume: name });
        return { outcome: "kept", message: `Retained volume ${name} at ${step.path}` };
      case "await-node":
        return this.#withoutNode(volume, name, step.wanted, step.path);
      case "tear-down":
        this.#missingSince.delete(uidOf(volume));
        return this.#tearDown(volume, step, context);
      default:
        return step satisfies never;
    }
  }

  async #tearDown(
    volume: PersistentVolume,
    { task, location, node }: TearDownStep,
    { settings, confirm, signal }: Context,
  ): Promise<RemovedVolume> {
    const pinnedTo = location.node === undefined ? undefined : node;
    const context = { settings, about: aboutVolume(volume), signal };
    const obstacle = await this.#deps.teardowns.run({ task, location, pinnedTo }, confirm, context);
    if (obstacle === undefined) return { outcome: "removed" };
    const stays = this.#stays(task.volumeName, locationText(task.node, task.path), obstacle, task.path);
    return stays.outcome === "kept" && node !== undefined ? { ...stays, on: node } : stays;
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
