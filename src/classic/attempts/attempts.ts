/**
 * What remains of attempts that did not end in a PersistentVolume: a create pod in any phase, or,
 * when somebody has deleted that pod, this process's memory of the attempt. `continue` prepares the
 * next attempt of the same claim, `abandon` cleans up when the claim is gone.
 *
 * Invariant: an attempt's directory is removed only when it cannot hold any other data. It is kept,
 * and named in the log, when its path does not contain the volume's own name (isOwnDirectory), when
 * the class has policy Retain (its PersistentVolume may have been stored and deleted since, and the
 * data must stay), and when the PersistentVolume was stored.
 *
 * A crash loses the memory. Then the claim, while it exists, leads to the directory again (same
 * node, same path). So the memory is only needed for what happens behind our back: pods that
 * somebody else deletes, nodes that do not answer.
 */
import type { KubeClient } from "../../kube/client.ts";
import { isNotFound } from "../../kube/errors.ts";
import { type Node, persistentVolumes } from "../../kube/kinds.ts";
import type { Log } from "../../observe/log.ts";
import type { Confirm } from "../../provision/driver.ts";
import type { BusyDirectories } from "../directory/busy-directories.ts";
import type { RemovalCheck } from "../removal/check.ts";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import { answers, isReady } from "../helper/pods/nodes.ts";
import { wrapped } from "../helper/wording.ts";
import type { HelperWork } from "../helper/work.ts";
import type { Settings } from "../settings/settings.ts";
import { type End, GiveUp, type GiveUpContext } from "./give-up.ts";
import { type Attempt, AttemptMemory, attemptOf } from "./memory.ts";
import { planAbandon } from "./plan-end.ts";
import { type Chore, type Continuation, isElsewhere, planNext } from "./plan-next.ts";
import type { ProvisionPlan } from "./plan.ts";

interface AttemptsDeps {
  readonly client: KubeClient;
  readonly work: HelperWork;
  readonly busy: BusyDirectories;
  readonly check: RemovalCheck;
  readonly nodes: { get(name: string): Node | undefined };
  readonly log: Log;
}

export class Attempts {
  readonly #deps: AttemptsDeps;
  readonly #memory = new AttemptMemory();
  readonly #giveUp: GiveUp;

  constructor(deps: AttemptsDeps) {
    this.#deps = deps;
    this.#giveUp = new GiveUp({ ...deps, memory: this.#memory });
  }

  /**
   * Volumes with an attempt that is in progress, made but not stored, or failed; and those with a
   * delete pod that no operation waits for.
   */
  volumes(): readonly string[] {
    const { createPods, teardowns } = this.#deps.work;
    return [...new Set([...this.#memory.volumes(), ...createPods.volumes(), ...teardowns.volumes()])];
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
  async stored(volumeName: string): Promise<void> {
    const { busy, work } = this.#deps;
    this.#memory.forgetMade(volumeName);
    busy.stored(volumeName);
    this.#memory.stored(volumeName, !(await work.createPods.removeAll(volumeName)));
  }

  /** The directory is removed. */
  async removed(volumeName: string): Promise<void> {
    await this.stored(volumeName);
    this.#deps.busy.forget(volumeName);
  }

  /** The node of an attempt that is in progress or has succeeded. */
  nodeOf(volumeName: string): string | undefined {
    const pods = this.#deps.work.createPods.of(volumeName);
    return pods.find(({ record: { state } }) => state.is === "at work" || state.well)?.record.node;
  }

  /**
   * Prepares the next attempt of a claim that still exists, and returns how it continues
   * (plan-next.ts).
   */
  async continue(
    volumeName: string,
    plan: ProvisionPlan,
    settings: Settings,
    signal: AbortSignal,
  ): Promise<Continuation> {
    // The claim still exists. If this leader was stalled, the next one may have stored the volume.
    const context: GiveUpContext = { settings, signal, confirm: () => this.#isNotStored(volumeName, signal) };
    const planned = { node: plan.node?.metadata?.name ?? "", path: plan.path, shared: plan.shared };
    const { next, chores } = planNext({
      planned,
      pods: this.#deps.work.createPods.of(volumeName),
      isReady: (node) => isReady(this.#deps.nodes.get(node)),
    });
    for (const chore of chores) await this.#do(chore, volumeName, context);
    // What no pod records, and what the chores could not remove.
    const made = this.#memory.madeOf(volumeName);
    if (made !== undefined && isElsewhere(made, next, planned)) {
      await this.#elsewhere(volumeName, made.node, context, () => this.#giveUp.directory(volumeName, made, context));
      this.#memory.forgetMade(volumeName);
      this.#deps.busy.forget(volumeName);
    }
    return next;
  }

  async #do(chore: Chore, volumeName: string, context: GiveUpContext): Promise<void> {
    switch (chore.chore) {
      case "give-up-pod": {
        const { helper } = chore;
        return this.#elsewhere(volumeName, helper.record.node, context, () => this.#giveUp.pod(helper, context));
      }
      case "end-pod":
        return this.#endForNext(chore.helper, context);
      case "delete-pod":
        await this.#deps.work.createPods.remove(chore.helper.pod);
        return;
      default:
        chore satisfies never;
    }
  }

  /**
   * The directory is removed with another volume, or already was: the next attempt makes it again.
   */
  async makeAgain(volumeName: string, settings: Settings, signal: AbortSignal): Promise<void> {
    const { work, busy } = this.#deps;
    for (const helper of work.createPods.of(volumeName)) await this.#endForNext(helper, { settings, signal });
    busy.forget(volumeName);
  }

  /**
   * Removes everything: the claim is gone and there is no PersistentVolume. Rejects when it has to
   * be tried again.
   */
  async abandon(volumeName: string, confirm: Confirm, settings: Settings, signal: AbortSignal): Promise<void> {
    const { work, busy } = this.#deps;
    const context: GiveUpContext = { settings, signal, confirm };
    const pods = work.createPods.of(volumeName);
    // One pod marked as retained counts for all: it may be the first to be deleted.
    if (pods.some(({ record }) => record.retain)) this.#memory.retained(volumeName);
    const isKept = (attempt: Attempt): boolean => this.#memory.isKept(volumeName, attempt);
    try {
      const { running, awaited } = planAbandon({ pods, isKept });
      for (const helper of running) this.#rememberPod(helper);
      for (const helper of awaited) await work.createPods.awaitEnd(helper, context);
      for (const helper of work.createPods.of(volumeName)) {
        if ((await this.#giveUp.pod(helper, context)) !== "ended") return;
      }
      const attempt = this.#memory.madeOf(volumeName);
      if (attempt !== undefined && (await this.#giveUp.directory(volumeName, attempt, context)) === "withdrawn") return;
      this.#memory.forget(volumeName);
      busy.forget(volumeName);
      await work.teardowns.drop(volumeName);
    } catch (error) {
      if (signal.aborted) throw error;
      throw wrapped("DELETE_FAILED", volumeName, error);
    }
  }

  /**
   * A node that does not answer must not keep the claim from its new node. At worst an empty
   * directory stays behind, and the log says where.
   */
  async #elsewhere(volume: string, node: string, context: GiveUpContext, work: () => Promise<End>): Promise<void> {
    const { createPods } = this.#deps.work;
    const { log, nodes } = this.#deps;
    let why: unknown;
    if (answers(nodes, node)) {
      try {
        await work();
        return;
      } catch (error) {
        if (context.signal.aborted || answers(nodes, node)) throw error;
        why = error;
      }
    }
    log.warn("a directory may be left behind on a node that does not answer", { volume, node, err: why });
    for (const helper of createPods.of(volume)) {
      if (helper.record.node === node) await createPods.end(helper, context);
    }
  }

  /**
   * Ends a pod before the next attempt of its volume. What this pod, or one before it, may have
   * made is remembered, so that the next pod records it.
   */
  async #endForNext(helper: HelperPod, context: Pick<GiveUpContext, "settings" | "signal">): Promise<void> {
    if (helper.record.state.mayHaveRun || helper.record.again) this.#rememberPod(helper);
    if (await this.#deps.work.createPods.end(helper, context)) this.#rememberPod(helper);
  }

  #rememberPod(helper: HelperPod): void {
    const attempt = attemptOf(helper);
    if (attempt !== undefined) this.remember(helper.record.volumeName, attempt);
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
