/**
 * What attempts leave that did not end in a PersistentVolume: a create pod in whatever phase, or (after a timeout, when the pod had to be deleted) the memory of the
 * attempt. `tidy` makes way for the next attempt of the same claim, `abandon` ends the matter for a claim that is gone.
 *
 * Memory is lost in a crash; then the claim itself leads to the directory again (same node, same path), as long as it lives.
 */
import type { Node, Pod } from "../kube/kinds.ts";
import type { Log } from "../observe/log.ts";
import type { HelperTask } from "./helper/pod.ts";
import type { HelperRecord } from "./helper/record.ts";
import { type HelperWork, wrapped } from "./helper/work.ts";
import type { InFlight, Place } from "./in-flight.ts";
import type { VolumeIndex } from "./places.ts";
import type { ProvisionPlan } from "./plan.ts";
import type { Settings } from "./settings.ts";
import { sharersOf } from "./sharing.ts";

/** An attempt that may have made something. */
export interface Attempt {
  /** "" where the scheduler chose. */
  readonly node: string;
  readonly path: string;
  readonly sizeBytes: bigint;
}

interface UnfinishedDeps {
  readonly work: HelperWork;
  readonly inFlight: InFlight;
  readonly nodes: { get(name: string): Node | undefined };
  readonly volumes: VolumeIndex;
  readonly log: Log;
}

export class Unfinished {
  readonly #deps: UnfinishedDeps;
  readonly #attempts = new Map<string, Attempt>();

  constructor(deps: UnfinishedDeps) {
    this.#deps = deps;
  }

  /** Volumes with something left: being made, made and not settled, or failed. */
  volumes(): readonly string[] {
    return [...new Set([...this.#attempts.keys(), ...this.#deps.work.volumesWithCreatePods()])];
  }

  remember(volumeName: string, attempt: Attempt): void {
    this.#attempts.set(volumeName, attempt);
  }

  forget(volumeName: string): void {
    this.#attempts.delete(volumeName);
  }

  /** The node of an attempt that still goes on or has succeeded. */
  nodeOf(volumeName: string): string | undefined {
    return this.#deps.work.createPodsOf(volumeName).find(({ record }) => record.phase !== "failed")?.record.node;
  }

  /**
   * Says how the next attempt goes on: with the path of a pod that runs or has succeeded on this node (`made`: there is nothing left to do), else with the planned one. What was left
   * elsewhere (another node was chosen meanwhile, the configuration changed) is removed first.
   */
  async tidy(
    volumeName: string,
    plan: ProvisionPlan,
    settings: Settings,
    signal: AbortSignal,
  ): Promise<{ readonly path: string; readonly made: Pod | undefined }> {
    const node = plan.node?.metadata?.name ?? "";
    let path = plan.path;
    let made: Pod | undefined;
    for (const { pod, record } of this.#deps.work.createPodsOf(volumeName)) {
      const here = (record.node === node || (plan.shared && node === "")) && !record.leaving;
      if (here && record.phase !== "failed" && record.path !== undefined) {
        path = record.path;
        if (record.phase === "succeeded") made = pod;
      } else if (!here || record.path !== plan.path) {
        await this.#elsewhere(volumeName, record.node, signal, () => this.#endPod(pod, record, settings, signal));
      }
    }
    const attempt = this.#attempts.get(volumeName);
    if (attempt !== undefined && (attempt.node !== node || attempt.path !== path)) {
      await this.#elsewhere(volumeName, attempt.node, signal, () =>
        this.#tearDown(volumeName, attempt, settings, signal),
      );
      this.#attempts.delete(volumeName);
    }
    return { path, made };
  }

  /** Removes everything: the claim is gone and there is no PersistentVolume. Rejects to be tried again. */
  async abandon(volumeName: string, settings: Settings, signal: AbortSignal): Promise<void> {
    const { work, inFlight } = this.#deps;
    try {
      for (const { pod, record } of work.createPodsOf(volumeName)) await this.#endPod(pod, record, settings, signal);
      const attempt = this.#attempts.get(volumeName);
      if (attempt !== undefined) await this.#tearDown(volumeName, attempt, settings, signal);
      this.#attempts.delete(volumeName);
      inFlight.forget(volumeName);
    } catch (error) {
      if (signal.aborted) throw error;
      throw wrapped("DELETE_FAILED", volumeName, error);
    }
  }

  /** A node that does not answer must not keep the claim from its new one: at worst an empty directory stays there, and the log says where. */
  async #elsewhere(volume: string, node: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (signal.aborted || this.#isReady(node)) throw error;
      const { log } = this.#deps;
      log.warn("a directory may be left behind on a node that does not answer", { volume, node, err: error });
      for (const { pod, record } of this.#deps.work.createPodsOf(volume)) {
        if (record.node === node) await this.#deps.work.remove(pod, { force: true });
      }
    }
  }

  #isReady(name: string): boolean {
    const conditions = this.#deps.nodes.get(name)?.status?.conditions ?? [];
    return conditions.some(({ type, status }) => type === "Ready" && status === "True");
  }

  /** A pod that has not begun has made nothing, once it is gone. One that runs is not waited for: whatever it has made is removed afterwards. */
  async #endPod(pod: Pod, record: HelperRecord, settings: Settings, signal: AbortSignal): Promise<void> {
    const { work } = this.#deps;
    const { volumeName, node, path, sizeBytes, phase } = record;
    const attempt = path === undefined || phase === "waiting" ? undefined : { node, path, sizeBytes };
    if (phase === "waiting" || phase === "running") {
      // From here on only memory tells.
      if (attempt !== undefined) this.#attempts.set(volumeName, attempt);
      await work.removeAndWait(pod, signal);
    }
    if (attempt !== undefined) {
      await this.#tearDown(volumeName, attempt, settings, signal);
      this.#attempts.delete(volumeName);
    }
    await work.remove(pod);
  }

  async #tearDown(volumeName: string, attempt: Attempt, settings: Settings, signal: AbortSignal): Promise<void> {
    const { work, inFlight, nodes, volumes, log } = this.#deps;
    const { path, sizeBytes } = attempt;
    const node = nodes.get(attempt.node);
    if (attempt.node !== "" && node === undefined) {
      log.info(`Node ${attempt.node} does not exist, skipping cleanup of volume ${volumeName}`, {
        volume: volumeName,
        node: attempt.node,
        path,
      });
      return;
    }
    const shared = attempt.node === "";
    const place: Place = { volume: volumeName, node: shared ? undefined : attempt.node, path };
    const release = await inFlight.hold(place, signal);
    try {
      const sharer = sharersOf(place, node, volumes).staying ?? inFlight.madeNear(place);
      if (sharer !== undefined) {
        log.warn("a directory is kept because another volume uses it", { volume: volumeName, other: sharer, path });
        return;
      }
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
      await work.tearDown(task, { settings, about: undefined, signal });
    } finally {
      release();
    }
  }
}
