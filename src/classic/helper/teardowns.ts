/**
 * Delete pods that no operation of this process waits for: those of dead leaders, of attempts whose
 * time was up, of removals that were called off.
 *
 * Invariant: no volume is given a directory, and no removal is begun, while such a pod for an
 * overlapping directory has not ended (`clear`). A delete pod is never forced off a node that may
 * still be running it: on a node that does not answer it stays, and whoever wants its directory
 * gets an error and tries again; no other directory has to wait.
 */
import { type Clock, within } from "../../effects/clock.ts";
import { isDead } from "../../kube/nodes.ts";
import type { Log } from "../../observe/log.ts";
import { classicErrors } from "../errors.ts";
import { clean } from "../directory/paths.ts";
import type { Location } from "../directory/locations.ts";
import { type DoneStep, planClear, planDone } from "./plan-clear.ts";
import type { HelperPod, HelperPods } from "./pods/helper-pods.ts";
import { answers, type NodeLookup } from "./pods/nodes.ts";
import type { HelperPodControl } from "./pods/pod-control.ts";
import type { HelperTask } from "./pods/pod.ts";
import { isDeleted } from "./pods/record.ts";

interface TeardownDeps {
  readonly pods: HelperPods;
  readonly control: HelperPodControl;
  readonly nodes: NodeLookup;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * How long a finished teardown is remembered: the API server may refuse to delete its
 * PersistentVolume for a while.
 */
const REMEMBERED_MS = 3_600_000;

export class Teardowns {
  readonly #deps: TeardownDeps;
  /**
   * Teardowns that succeeded in this process, and when (milliseconds, monotonic), oldest first. The
   * pod is gone; while the PersistentVolume is still there, its removal is asked for again.
   */
  readonly #finished = new Map<string, number>();
  /** Names of the pods that this process runs now. */
  readonly #running = new Set<string>();

  constructor(deps: TeardownDeps) {
    this.#deps = deps;
  }

  /** Runs a delete pod, which does not count as unattended meanwhile. */
  async during<T>(podName: string, work: () => Promise<T>): Promise<T> {
    this.#running.add(podName);
    try {
      return await work();
    } finally {
      this.#running.delete(podName);
    }
  }

  /** Volumes that have an unattended delete pod. */
  volumes(): readonly string[] {
    return this.#deps.pods.all().flatMap((helper) => (this.#isUnattended(helper) ? [helper.record.volumeName] : []));
  }

  /**
   * Makes sure that no unattended pod can remove this directory: deletes those that have not
   * started, waits for those that run. Rejects with CLASSIC_TEARDOWN_LEFT after `seconds`, or at
   * once where the node does not answer.
   */
  async clear(location: Location, seconds: number, signal: AbortSignal): Promise<void> {
    for (const helper of this.#deps.pods.all()) {
      if (this.#isUnattended(helper)) await this.#clearOne(helper, location, seconds, signal);
    }
  }

  async #clearOne({ pod, record }: HelperPod, location: Location, seconds: number, signal: AbortSignal): Promise<void> {
    const { clock, control, log, nodes } = this.#deps;
    const { node, path = "", podName, volumeName: volume } = record;
    const step = planClear(record, {
      location,
      answers: (name) => answers(nodes, name),
      isDead: (name) => isDead(nodes.get(name)),
    });
    if (step.step === "pass-over") return;
    const left = classicErrors.TEARDOWN_LEFT({ pod: podName, node, path });
    log.info("waiting for a leftover teardown pod", { pod: podName, volume, node, path, for: location.volume });
    if (step.step === "refuse") {
      if (step.isToDelete) await control.remove(pod, { signal });
      throw left;
    }
    const end = async (limit: AbortSignal): Promise<void> => {
      if (step.isAwaited) await control.waitForEnd(pod, limit);
      await control.removeAndWait(pod, limit, { force: step.force });
    };
    await within(clock, seconds * 1000, signal, end, () => left);
  }

  /**
   * Whether this teardown was done already (plan-clear.ts). Waits for the end of a pod that runs
   * it. If that pod does not end in time, `clear` says why.
   */
  async done(task: HelperTask, seconds: number, signal: AbortSignal): Promise<Exclude<DoneStep, { step: "await" }>> {
    const { pods, control, nodes } = this.#deps;
    const key = keyOf(task);
    const isFinished = key !== undefined && this.#finished.has(key);
    const awaited = new Set<string>();
    for (;;) {
      const own = pods.of(task.volumeName).filter((helper) => this.#isUnattended(helper));
      const step = planDone({ task, isFinished, pods: own, awaited, answers: (node) => answers(nodes, node) });
      if (step.step !== "await") return step;
      await control.waitForEndWithin(seconds, step.helper.pod, signal);
      signal.throwIfAborted();
      awaited.add(step.helper.record.uid);
    }
  }

  /** This teardown has succeeded. */
  finished(task: HelperTask): void {
    const now = this.#deps.clock.monotonic();
    for (const [key, at] of this.#finished) {
      if (now - at < REMEMBERED_MS) break;
      this.#finished.delete(key);
    }
    const key = keyOf(task);
    if (key !== undefined) this.#finished.set(key, now);
  }

  /**
   * Deletes the pods of a volume that must not be removed: those that have ended, and those that
   * have not started. Never rejects.
   */
  async drop(volumeName: string): Promise<void> {
    const { pods, control } = this.#deps;
    for (const helper of pods.of(volumeName)) {
      const { pod, record } = helper;
      const { state } = record;
      if (!this.#isUnattended(helper) || isDeleted(state)) continue;
      if (state.is === "over") await control.remove(pod);
      else if (!state.mayHaveRun) await control.deleteIfNotStarted(pod);
    }
  }

  #isUnattended({ record }: HelperPod): boolean {
    return !this.#running.has(record.podName);
  }
}

/**
 * Key of one release of one PersistentVolume at one location; undefined for the teardown of an
 * attempt. Which claim has released it says more than the time: kube-controller-manager may mark a
 * Released volume Bound and Released once more, and before Kubernetes 1.31 there may be no time.
 */
function keyOf({ node, path, released, shared }: HelperTask): string | undefined {
  if (released === undefined) return undefined;
  const release = released.claimUid ?? String(released.since);
  return [released.uid, release, shared ? "" : node, clean(path)].join("\0");
}
