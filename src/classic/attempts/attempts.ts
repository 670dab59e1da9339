/**
 * What attempts leave that did not end in a PersistentVolume: a create pod in whatever phase, or
 * (when it was deleted by somebody's hand) the memory of the attempt. `continue` makes way for the
 * next attempt of the same claim, `abandon` ends the matter for a claim that is gone.
 *
 * Invariant: an attempt's directory is removed only where nobody else's data can be in it. It is
 * kept, and named in the log, when its path has not the volume's own name (isOwnDirectory), when
 * the class retains (its PersistentVolume may have been stored and deleted, and its data is to
 * stay), and when the PersistentVolume was stored.
 *
 * Memory is lost in a crash; then the claim itself leads to the directory again (same node, same
 * path), as long as it lives. So it is only for what happens behind our back: pods that somebody
 * else deletes, nodes that do not answer.
 */
import type { KubeClient } from "../../kube/client.ts";
import { isNotFound } from "../../kube/errors.ts";
import { type Node, persistentVolumes } from "../../kube/kinds.ts";
import type { Log } from "../../observe/log.ts";
import type { Confirm } from "../../provision/driver.ts";
import type { InFlight } from "../directory/busy-directories.ts";
import type { Place } from "../directory/locations.ts";
import type { RemovalCheck } from "../directory/sharing.ts";
import type { HelperPod } from "../helper/helper-pods.ts";
import { isReady } from "../helper/nodes.ts";
import type { HelperTask } from "../helper/pod.ts";
import { isDeleted } from "../helper/record.ts";
import { type HelperWork, wrapped } from "../helper/work.ts";
import type { Settings } from "../settings/settings.ts";
import { type Attempt, AttemptMemory, attemptOf, isSamePlace } from "./memory.ts";
import { planEnd } from "./plan-end.ts";
import { type Chore, type Continuation, isElsewhere, planNext } from "./plan-next.ts";
import type { ProvisionPlan } from "./plan.ts";

interface AttemptsDeps {
  readonly client: KubeClient;
  readonly work: HelperWork;
  readonly inFlight: InFlight;
  readonly check: RemovalCheck;
  readonly nodes: { get(name: string): Node | undefined };
  readonly log: Log;
}

interface Context {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  readonly confirm: Confirm;
}

/**
 * `withdrawn`: it was not to be removed after all, and nothing was. `left`: the pod could not be
 * deleted, and what is known of it is still needed.
 */
type End = "ended" | "withdrawn" | "left";

export class Attempts {
  readonly #deps: AttemptsDeps;
  readonly #memory = new AttemptMemory();

  constructor(deps: AttemptsDeps) {
    this.#deps = deps;
  }

  /**
   * Volumes with something left: being made, made and not settled, or failed; or with a delete pod
   * that nobody waits for.
   */
  volumes(): readonly string[] {
    return [...new Set([...this.#memory.volumes(), ...this.#deps.work.volumesWithPods()])];
  }

  /** Whether an attempt of this volume may have made something, as far as this process knows. */
  remembers(volumeName: string): boolean {
    return this.#memory.madeOf(volumeName) !== undefined;
  }

  /** Called when something may have been made. */
  remember(volumeName: string, attempt: Attempt): void {
    this.#memory.made(volumeName, attempt);
  }

  /** The PersistentVolume is stored. Must not throw. */
  async settled(volumeName: string): Promise<void> {
    const { inFlight, work } = this.#deps;
    this.#memory.forgetMade(volumeName);
    inFlight.settled(volumeName);
    this.#memory.stored(volumeName, !(await work.removeCreatePods(volumeName)));
  }

  /** The directory is removed. */
  async removed(volumeName: string): Promise<void> {
    await this.settled(volumeName);
    this.#deps.inFlight.forget(volumeName);
  }

  /** The node of an attempt that still goes on or has succeeded. */
  nodeOf(volumeName: string): string | undefined {
    const pods = this.#deps.work.createPodsOf(volumeName);
    return pods.find(({ record: { state } }) => state.is === "at work" || state.well)?.record.node;
  }

  /**
   * Makes way for the next attempt of a claim that lives, and says how it goes on (plan-next.ts).
   */
  async continue(
    volumeName: string,
    plan: ProvisionPlan,
    settings: Settings,
    signal: AbortSignal,
  ): Promise<Continuation> {
    // The claim lives. A leader that was stalled may find its volume stored by the next one.
    const context: Context = { settings, signal, confirm: () => this.#isNotStored(volumeName, signal) };
    const planned = { node: plan.node?.metadata?.name ?? "", path: plan.path, shared: plan.shared };
    const { next, chores } = planNext({
      planned,
      pods: this.#deps.work.createPodsOf(volumeName),
      isReady: (node) => isReady(this.#deps.nodes.get(node)),
    });
    for (const chore of chores) await this.#do(chore, volumeName, context);
    // What no pod tells of, also what the chores could not remove.
    const made = this.#memory.madeOf(volumeName);
    if (made !== undefined && isElsewhere(made, next, planned)) {
      await this.#elsewhere(volumeName, made.node, context, () => this.#tearDown(volumeName, made, context));
      this.#memory.forgetMade(volumeName);
      this.#deps.inFlight.forget(volumeName);
    }
    return next;
  }

  async #do(chore: Chore, volumeName: string, context: Context): Promise<void> {
    switch (chore.chore) {
      case "give-up-pod": {
        const { helper } = chore;
        return this.#elsewhere(volumeName, helper.record.node, context, () => this.#endPod(helper, context));
      }
      case "end-pod":
        return this.#endForNext(chore.helper, context);
      case "delete-pod":
        await this.#deps.work.remove(chore.helper.pod);
        return;
      default:
        chore satisfies never;
    }
  }

  /** The directory goes with another volume, or has gone: the next attempt makes it again. */
  async makeAgain(volumeName: string, settings: Settings, signal: AbortSignal): Promise<void> {
    const { work, inFlight } = this.#deps;
    for (const helper of work.createPodsOf(volumeName)) await this.#endForNext(helper, { settings, signal });
    inFlight.forget(volumeName);
  }

  /**
   * Removes everything: the claim is gone and there is no PersistentVolume. Rejects to be tried
   * again.
   */
  async abandon(volumeName: string, confirm: Confirm, settings: Settings, signal: AbortSignal): Promise<void> {
    const { work, inFlight } = this.#deps;
    const context: Context = { settings, signal, confirm };
    // One pod that says so counts for all: any of them may be deleted first.
    if (work.createPodsOf(volumeName).some(({ record }) => record.retain)) this.#memory.retained(volumeName);
    try {
      for (const helper of work.createPodsOf(volumeName)) {
        const { state } = helper.record;
        if (state.is === "over" || !state.mayHaveRun || isDeleted(state)) continue;
        this.#rememberPod(helper);
        // A directory that is kept needs no record, and the next claim of this name may be given it
        // now: no script of ours may work in it any longer than it must.
        const attempt = attemptOf(helper);
        if (attempt !== undefined && !this.#memory.isKept(volumeName, attempt)) await work.awaitEnd(helper, context);
      }
      for (const helper of work.createPodsOf(volumeName)) {
        if ((await this.#endPod(helper, context)) !== "ended") return;
      }
      const attempt = this.#memory.madeOf(volumeName);
      if (attempt !== undefined && (await this.#tearDown(volumeName, attempt, context)) === "withdrawn") return;
      this.#memory.forget(volumeName);
      inFlight.forget(volumeName);
      await work.dropTeardowns(volumeName);
    } catch (error) {
      if (signal.aborted) throw error;
      throw wrapped("DELETE_FAILED", volumeName, error);
    }
  }

  /**
   * A node that does not answer must not keep the claim from its new one: at worst an empty
   * directory stays there, and the log says where.
   */
  async #elsewhere(volume: string, node: string, context: Context, work: () => Promise<End>): Promise<void> {
    const answers = (): boolean => node === "" || isReady(this.#deps.nodes.get(node));
    let why: unknown;
    if (answers()) {
      try {
        await work();
        return;
      } catch (error) {
        if (context.signal.aborted || answers()) throw error;
        why = error;
      }
    }
    const { log } = this.#deps;
    log.warn("a directory may be left behind on a node that does not answer", { volume, node, err: why });
    for (const helper of this.#deps.work.createPodsOf(volume)) {
      if (helper.record.node === node) await this.#deps.work.end(helper, context);
    }
  }

  /** Ends a create pod of an attempt that is given up (plan-end.ts), and removes what it made. */
  async #endPod(helper: HelperPod, context: Context): Promise<End> {
    const { nodes, work } = this.#deps;
    const { volumeName } = helper.record;
    const node = nodes.get(helper.record.node);
    const step = planEnd({
      helper,
      made: this.#memory.madeOf(volumeName),
      isKept: (attempt) => this.#memory.isKept(volumeName, attempt),
      node: node === undefined ? "unknown" : isReady(node) ? "ready" : "silent",
    });
    switch (step.step) {
      case "end-as-record":
        await this.#orRemembered(helper, work.endAsRecord(helper, context));
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

  /** Until the directory is gone the pod stays: it is the record. */
  async #removeThenDelete(helper: HelperPod, made: Attempt | undefined, context: Context): Promise<End> {
    if ((await this.#removeMade(helper, made, context)) === "withdrawn") return "withdrawn";
    return (await this.#deps.work.remove(helper.pod)) ? "ended" : "left";
  }

  async #deleteThenRemove(helper: HelperPod, made: Attempt | undefined, context: Context): Promise<End> {
    const { volumeName } = helper.record;
    if (made !== undefined) this.remember(volumeName, made);
    const hasRun = await this.#orRemembered(helper, this.#deps.work.end(helper, context));
    const left = hasRun ? attemptOf(helper) : made;
    if (left !== undefined) this.remember(volumeName, left);
    return this.#removeThenDelete(helper, left, context);
  }

  /**
   * What does not end may work on, and be gone at the next look: then only this memory leads to
   * what it made.
   */
  async #orRemembered<T>(helper: HelperPod, ending: Promise<T>): Promise<T> {
    try {
      return await ending;
    } catch (error) {
      this.#rememberPod(helper);
      throw error;
    }
  }

  async #removeMade(helper: HelperPod, made: Attempt | undefined, context: Context): Promise<End> {
    if (made === undefined) return "ended";
    const { volumeName } = helper.record;
    const end = await this.#tearDown(volumeName, made, context);
    // What is remembered of another place is the caller's matter.
    const isHere = isSamePlace(this.#memory.madeOf(volumeName), attemptOf(helper));
    if (end === "ended" && isHere) this.#memory.forgetMade(volumeName);
    return end;
  }

  /**
   * Ends a pod whose volume's next attempt comes after it: what it may have made, or one before it,
   * is remembered, so that the next pod tells of it.
   */
  async #endForNext(helper: HelperPod, context: Pick<Context, "settings" | "signal">): Promise<void> {
    if (helper.record.state.mayHaveRun || helper.record.again) this.#rememberPod(helper);
    if (await this.#deps.work.end(helper, context)) this.#rememberPod(helper);
  }

  #rememberPod(helper: HelperPod): void {
    const attempt = attemptOf(helper);
    if (attempt !== undefined) this.remember(helper.record.volumeName, attempt);
  }

  async #tearDown(volumeName: string, attempt: Attempt, context: Context): Promise<End> {
    const { work, inFlight, nodes, log, check } = this.#deps;
    const { path, sizeBytes } = attempt;
    const fields = { volume: volumeName, node: attempt.node, path };
    if (this.#memory.isKept(volumeName, attempt)) {
      log.info("the directory of an attempt that is given up is kept: it may hold older or retained data", fields);
      return "ended";
    }
    const node = nodes.get(attempt.node);
    if (attempt.node !== "" && node === undefined) {
      log.info(`Node ${attempt.node} does not exist, skipping cleanup of volume ${volumeName}`, fields);
      return "ended";
    }
    const shared = attempt.node === "";
    // Whether it lies on a shared file system is not on record: who uses the same path on whichever
    // node keeps it.
    const place: Place = { volume: volumeName, node: undefined, path };
    const release = await inFlight.hold(place, context.signal);
    try {
      const task: HelperTask = {
        action: "delete",
        volumeName,
        path,
        node: attempt.node,
        shared,
        sizeBytes,
        mode: "Filesystem",
        ownership: { user: "", group: "", perm: "" },
      };
      const { settings, signal, confirm } = context;
      const around = { settings, about: undefined, signal };
      const own: Place = { ...place, node: shared ? undefined : attempt.node };
      const obstacle = await work.tearDown(task, own, around, () => check.ask(place, undefined, confirm));
      if (obstacle?.obstacle === "withdrawn") return "withdrawn";
      if (obstacle !== undefined) {
        log.warn("a directory is kept because another volume uses it", { ...fields, other: obstacle.other });
      }
      return "ended";
    } finally {
      release();
    }
  }

  async #isNotStored(volumeName: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#deps.client.get(persistentVolumes, { name: volumeName }, { signal });
      return false;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  }
}
