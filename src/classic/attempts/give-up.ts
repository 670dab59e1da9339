import type { Node } from "../../kube/kinds.ts";
import type { Log } from "../../observe/log.ts";
import type { Confirm } from "../../provision/driver.ts";
import type { Location } from "../directory/locations.ts";
import type { CheckedTeardowns } from "../removal/checked-teardowns.ts";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import { isReady } from "../../kube/nodes.ts";
import type { HelperWork } from "../helper/work.ts";
import type { Settings } from "../settings/settings.ts";
import { type Attempt, type AttemptMemory, attemptOf, isSameLocation } from "./memory.ts";
import { type EndView, planDirectory, planEnd } from "./plan-end.ts";

export interface GiveUpDeps {
  readonly work: HelperWork;
  readonly teardowns: CheckedTeardowns;
  readonly nodes: { get(name: string): Node | undefined };
  readonly memory: AttemptMemory;
  readonly log: Log;
}

/** Until when, with which settings, and whether it is still wanted. */
export interface GiveUpContext {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  readonly confirm: Confirm;
}

/**
 * `withdrawn`: the removal was no longer wanted, and nothing was removed. `left`: the pod could not
 * be deleted, and its record is still needed.
 */
export type End = "ended" | "withdrawn" | "left";

/** Removes what remains of an attempt that is given up. */
export class GiveUp {
  readonly #deps: GiveUpDeps;

  constructor(deps: GiveUpDeps) {
    this.#deps = deps;
  }

  /** Ends one of the attempt's create pods (plan-end.ts), and removes what it made. */
  async pod(helper: HelperPod, context: GiveUpContext): Promise<End> {
    const { work } = this.#deps;
    const { volumeName } = helper.record;
    const made = this.#deps.memory.madeOf(volumeName);
    const step = planEnd({ helper, made, ...this.#view(volumeName, helper.record.node) });
    switch (step.step) {
      case "end-as-record":
        await this.#orRemembered(helper, work.createPods.endAsRecord(helper, context));
        return this.#removeThenDelete(helper, attemptOf(helper), context);
      case "remove-then-delete":
        return this.#removeThenDelete(helper, step.made, context);
      case "remove-beside":
        if ((await this.#removeMade(helper, step.made, context)) === "withdrawn") return "withdrawn";
        return this.#deleteThenRemove(helper, undefined, context);
      case "delete":
        return this.#deleteThenRemove(helper, step.made, context);
      default:
        return step satisfies never;
    }
  }

  #view(volumeName: string, nodeName: string): Pick<EndView, "isKept" | "node"> {
    const node = this.#deps.nodes.get(nodeName);
    return {
      isKept: (attempt) => this.#deps.memory.isKept(volumeName, attempt),
      node: node === undefined ? "unknown" : isReady(node) ? "ready" : "silent",
    };
  }

  /** Until the directory is gone the pod stays: it is the record. */
  async #removeThenDelete(helper: HelperPod, made: Attempt | undefined, context: GiveUpContext): Promise<End> {
    if ((await this.#removeMade(helper, made, context)) === "withdrawn") return "withdrawn";
    return (await this.#deps.work.createPods.remove(helper.pod)) ? "ended" : "left";
  }

  async #deleteThenRemove(helper: HelperPod, made: Attempt | undefined, context: GiveUpContext): Promise<End> {
    const { volumeName } = helper.record;
    if (made !== undefined) this.#deps.memory.made(volumeName, made);
    const hasRun = await this.#orRemembered(helper, this.#deps.work.createPods.end(helper, context));
    const left = hasRun ? attemptOf(helper) : made;
    if (left !== undefined) this.#deps.memory.made(volumeName, left);
    return this.#removeThenDelete(helper, left, context);
  }

  /**
   * A pod that could not be ended may keep running, and be gone at the next look. Then only this
   * memory leads to what it made.
   */
  async #orRemembered<T>(helper: HelperPod, ending: Promise<T>): Promise<T> {
    try {
      return await ending;
    } catch (error) {
      const attempt = attemptOf(helper);
      if (attempt !== undefined) this.#deps.memory.made(helper.record.volumeName, attempt);
      throw error;
    }
  }

  async #removeMade(helper: HelperPod, made: Attempt | undefined, context: GiveUpContext): Promise<End> {
    if (made === undefined) return "ended";
    const { volumeName } = helper.record;
    // The claim may come back to this location. Then this pod must not count as a success, even if
    // the teardown fails, the pod cannot be deleted, or this leader dies.
    if (planDirectory(made, this.#view(volumeName, made.node)) === "remove") {
      await this.#deps.work.createPods.markGivenUp(helper, context.signal);
    }
    const end = await this.directory(volumeName, made, context);
    // An attempt that is remembered at another location is the caller's business.
    const isHere = isSameLocation(this.#deps.memory.madeOf(volumeName), attemptOf(helper));
    if (end === "ended" && isHere) this.#deps.memory.forgetMade(volumeName);
    return end;
  }

  /**
   * Removes what an attempt may have made, unless it is kept, its node is gone, or another volume
   * uses the directory.
   */
  async directory(volumeName: string, attempt: Attempt, context: GiveUpContext): Promise<End> {
    const { log } = this.#deps;
    const { node, path } = attempt;
    const fields = { volume: volumeName, node, path };
    const step = planDirectory(attempt, this.#view(volumeName, node));
    switch (step) {
      case "keep":
        log.info("the directory of an attempt that is given up is kept: it may hold older or retained data", fields);
        return "ended";
      case "skip":
        log.info(`Node ${node} does not exist, skipping cleanup of volume ${volumeName}`, fields);
        return "ended";
      case "remove":
        return this.#tearDown(volumeName, attempt, context);
      default:
        return step satisfies never;
    }
  }

  async #tearDown(
    volumeName: string,
    { node, path, sizeBytes }: Attempt,
    { settings, signal, confirm }: GiveUpContext,
  ): Promise<End> {
    const { log, teardowns } = this.#deps;
    const shared = node === "";
    // The record does not say whether this is a shared file system, so a volume with the same path
    // on any node keeps the directory.
    const location: Location = { volume: volumeName, node: undefined, path };
    const cleared: Location = { ...location, node: shared ? undefined : node };
    const task = { action: "delete", volumeName, path, node, shared, sizeBytes } as const;
    const obstacle = await teardowns.run({ task, location, cleared }, confirm, { settings, about: undefined, signal });
    if (obstacle?.obstacle === "withdrawn") return "withdrawn";
    if (obstacle !== undefined) {
      const { other } = obstacle;
      log.warn("a directory is kept because another volume uses it", { volume: volumeName, node, path, other });
    }
    return "ended";
  }
}
