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
import { persistentVolumes } from "../../kube/kinds.ts";
import type { Confirm } from "../../provision/driver.ts";
import { classicErrors } from "../errors.ts";
import type { BusyDirectories } from "../directory/busy-directories.ts";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import { answers } from "../helper/pods/nodes.ts";
import type { HelperRecord } from "../helper/pods/record.ts";
import { wrapped } from "../helper/wording.ts";
import type { Settings } from "../settings/settings.ts";
import { type End, GiveUp, type GiveUpContext, type GiveUpDeps } from "./give-up.ts";
import { type Attempt, AttemptMemory, attemptOf } from "./memory.ts";
import { isRunning, planAbandon } from "./plan-end.ts";
import { type Continuation, type NextStep, planNext } from "./plan-next.ts";
import type { ProvisionPlan } from "./plan.ts";

interface AttemptsDeps extends Omit<GiveUpDeps, "memory"> {
  readonly client: KubeClient;
  readonly busy: BusyDirectories;
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

  /** The node of an attempt that has not ended well, as far as it is known. */
  lastNodeOf(volumeName: string): string | undefined {
    const [helper] = this.#deps.work.createPods.of(volumeName);
    return helper?.record.node ?? this.#memory.madeOf(volumeName)?.node;
  }

  /**
   * Prepares the next attempt of a claim that still exists, step by step, and returns how it
   * continues (plan-next.ts).
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
    const done = new Set<string>();
    for (;;) {
      const step = planNext({
        planned,
        pods: this.#podsBut(done, volumeName),
        made: this.#memory.madeOf(volumeName),
        answers: (node) => answers(this.#deps.nodes, node),
      });
      if (step.step === "continue") return step.next;
      const isDone = await this.#prepare(step, volumeName, context);
      if (isDone && "helper" in step) done.add(step.helper.record.uid);
    }
  }

  /** Resolves with false when the node has stopped answering: then another step is planned. */
  async #prepare(
    step: Exclude<NextStep, { readonly step: "continue" }>,
    volumeName: string,
    context: GiveUpContext,
  ): Promise<boolean> {
    const { createPods } = this.#deps.work;
    switch (step.step) {
      case "give-up-pod":
        return this.#whileItAnswers(step.helper.record, context, () => this.#giveUp.pod(step.helper, context));
      case "leave-pod":
        this.#warnOfLeft(volumeName, step.helper.record.node);
        await createPods.end(step.helper, context);
        return true;
      case "end-pod":
        await this.#endForNext(step.helper, context);
        return true;
      case "delete-pod":
        await createPods.remove(step.helper.pod);
        return true;
      case "give-up-directory": {
        const { made } = step;
        const remove = (): Promise<End> => this.#giveUp.directory(volumeName, made, context);
        const isDone = await this.#whileItAnswers({ volumeName, node: made.node }, context, remove);
        if (isDone) this.#forgetMade(volumeName);
        return isDone;
      }
      case "leave-directory":
        this.#warnOfLeft(volumeName, step.made.node);
        this.#forgetMade(volumeName);
        return true;
      default:
        return step satisfies never;
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
   * Removes everything, step by step (plan-end.ts): the claim is gone and there is no
   * PersistentVolume. Rejects when it has to be tried again.
   */
  async abandon(volumeName: string, confirm: Confirm, settings: Settings, signal: AbortSignal): Promise<void> {
    const context: GiveUpContext = { settings, signal, confirm };
    const isKept = (attempt: Attempt): boolean => this.#memory.isKept(volumeName, attempt);
    const awaited = new Set<string>();
    const done = new Set<string>();
    try {
      for (;;) {
        const pods = this.#podsBut(done, volumeName);
        this.#note(volumeName, pods);
        const step = planAbandon({ pods, awaited, made: this.#memory.madeOf(volumeName), isKept });
        switch (step.step) {
          case "await-end":
            await this.#deps.work.createPods.awaitEnd(step.helper, context);
            awaited.add(step.helper.record.uid);
            break;
          case "give-up-pod":
            if ((await this.#giveUp.pod(step.helper, context)) !== "ended") return;
            done.add(step.helper.record.uid);
            break;
          case "give-up-directory":
            if ((await this.#giveUp.directory(volumeName, step.made, context)) === "withdrawn") return;
            this.#memory.forgetMade(volumeName);
            break;
          case "forget":
            await this.#forget(volumeName);
            return;
          default:
            step satisfies never;
        }
      }
    } catch (error) {
      if (signal.aborted) throw error;
      throw wrapped("DELETE_FAILED", volumeName, error);
    }
  }

  /** Remembers what only these pods record, because they may be deleted at any moment. */
  #note(volumeName: string, pods: readonly HelperPod[]): void {
    // One pod marked as retained counts for all: it may be the first to be deleted.
    if (pods.some(({ record }) => record.retain)) this.#memory.retained(volumeName);
    for (const helper of pods) if (isRunning(helper)) this.#rememberPod(helper);
  }

  async #forget(volumeName: string): Promise<void> {
    this.#memory.forget(volumeName);
    this.#deps.busy.forget(volumeName);
    await this.#deps.work.teardowns.drop(volumeName);
  }

  #forgetMade(volumeName: string): void {
    this.#memory.forgetMade(volumeName);
    this.#deps.busy.forget(volumeName);
  }

  /** The create pods of a volume, without those of earlier steps (by UID). */
  #podsBut(done: ReadonlySet<string>, volumeName: string): readonly HelperPod[] {
    return this.#deps.work.createPods.of(volumeName).filter(({ record }) => !done.has(record.uid));
  }

  /**
   * Resolves with false when the work fails on a node that does not answer any more. Rejects with
   * CLASSIC_STORED_MEANWHILE if a later leader has stored the PersistentVolume: then the claim has
   * its volume, and nothing may be made for it elsewhere. A pod that could not be deleted does not
   * hold up the claim: it does not count any more (HELPER_GIVEN_UP).
   */
  async #whileItAnswers(
    { volumeName: volume, node }: Pick<HelperRecord, "volumeName" | "node">,
    { signal }: GiveUpContext,
    work: () => Promise<End>,
  ): Promise<boolean> {
    const { log, nodes } = this.#deps;
    let end: End;
    try {
      end = await work();
    } catch (error) {
      if (signal.aborted || answers(nodes, node)) throw error;
      log.warn("an attempt could not be given up on a node that has stopped answering", { volume, node, err: error });
      return false;
    }
    if (end === "withdrawn") throw classicErrors.STORED_MEANWHILE({ volume });
    return true;
  }

  #warnOfLeft(volume: string, node: string): void {
    this.#deps.log.warn("a directory may be left behind on a node that does not answer", { volume, node });
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
