import { type Clock, within } from "../../../effects/clock.ts";
import type { Pod } from "../../../kube/kinds.ts";
import type { Location } from "../../directory/locations.ts";
import { classicErrors } from "../../errors.ts";
import type { Settings } from "../../settings/settings.ts";
import { type HelperPod, HelperPods } from "./helper-pods.ts";
import { meets } from "./near.ts";
import { answers, type NodeLookup } from "./nodes.ts";
import type { HelperPodControl } from "./pod-control.ts";
import type { PodStore } from "./pod-store.ts";
import type { HelperRecord } from "./record.ts";

interface CreatePodsDeps {
  readonly pods: PodStore;
  readonly control: HelperPodControl;
  readonly nodes: NodeLookup;
  readonly clock: Clock;
}

/** How long the end of a pod is waited for: as long as a helper may take. */
interface Limits {
  readonly settings: Settings;
  readonly signal: AbortSignal;
}

/**
 * The create pods on the cluster, whoever made them: they are the record of the directories that
 * may be there. Finds them, waits for them, ends and deletes them.
 */
export class CreatePods {
  readonly #deps: CreatePodsDeps;
  readonly #control: HelperPodControl;
  readonly #pods: HelperPods;
  /** Logs being read, by pod name: a pod is deleted only after its log. */
  readonly #logs = new Map<string, Promise<unknown>>();

  constructor(deps: CreatePodsDeps) {
    this.#deps = deps;
    this.#control = deps.control;
    this.#pods = new HelperPods(deps.pods, "create");
  }

  of(volumeName: string): readonly HelperPod[] {
    return this.#pods.of(volumeName);
  }

  /** Volumes that have a create pod. */
  volumes(): Iterable<string> {
    return this.#pods.volumes();
  }

  /**
   * Other volumes that a create pod (of a dead leader, too) is making or has made in an overlapping
   * directory.
   */
  makingNear(location: Location): readonly string[] {
    return this.#pods.all().flatMap(({ record }) => {
      const { state, volumeName } = record;
      const hasFailed = state.is === "over" && !state.well;
      return volumeName !== location.volume && !hasFailed && meets(record, location) ? [volumeName] : [];
    });
  }

  /**
   * Another volume whose create pod is at work in an overlapping directory, or may still start: two
   * scripts must not run there at once. Its claim may be gone, and nothing in this process may be
   * waiting for it. When both volumes have such a pod, the older pod goes first.
   */
  atWorkNear(location: Location): string | undefined {
    const atWork = this.#pods.all().flatMap(({ record }) => (record.state.is === "over" ? [] : [record]));
    const own = atWork.filter(({ volumeName }) => volumeName === location.volume);
    const isBefore = (one: HelperRecord, other: HelperRecord): boolean => {
      const [a, b] = [one.createdAt ?? 0, other.createdAt ?? 0];
      return a < b || (a === b && one.podName < other.podName);
    };
    return atWork.find(
      (record) =>
        record.volumeName !== location.volume && meets(record, location) && !own.some((mine) => isBefore(mine, record)),
    )?.volumeName;
  }

  /** Copies a pod's log into ours in the background: only the pod's removal waits for it. */
  copyLog(pod: Pod): void {
    const name = pod.metadata?.name ?? "";
    const copying = this.#control.printLog(pod).finally(() => this.#logs.delete(name));
    this.#logs.set(name, copying);
  }

  /** Notes on a create pod that is taken over that its directory is retained. */
  async keepRetained(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#control.keepRetained(pod, signal);
  }

  /** Marks a create pod whose directory is about to be removed: its success counts no more. */
  async markGivenUp({ pod }: HelperPod, signal: AbortSignal): Promise<void> {
    await this.#control.markGivenUp(pod, signal);
  }

  /**
   * Deletes the create pods of a volume that now has a PersistentVolume or no directory. Resolves
   * with whether all were deleted. Never rejects.
   */
  async removeAll(volumeName: string): Promise<boolean> {
    let all = true;
    for (const { pod } of this.#pods.of(volumeName)) all = (await this.remove(pod)) && all;
    return all;
  }

  /**
   * Deletes a pod after its log has been read. Resolves with whether it was deleted. Never rejects.
   */
  async remove(pod: Pod): Promise<boolean> {
    await this.#logs.get(pod.metadata?.name ?? "");
    return this.#control.remove(pod);
  }

  /**
   * Waits until a create pod that runs has ended, as long as a helper may take, unless its node
   * does not answer: an ended pod is the record of what it made, a deleted one is not. Never
   * rejects.
   */
  async awaitEnd({ pod, record }: HelperPod, { settings, signal }: Limits): Promise<void> {
    if (!answers(this.#deps.nodes, record.node)) return;
    // On timeout the caller ends it as a pod that still runs.
    await this.#control.waitForEndWithin(settings.config.cmdTimeoutSeconds, pod, signal);
  }

  /**
   * Ends a create pod that runs or is about to, and waits until it has: it stays as the record of
   * what it made, or one before it. Rejects with CLASSIC_HELPER_STUCK when that takes too long.
   */
  async endAsRecord({ pod, record }: HelperPod, limits: Limits): Promise<void> {
    await this.#within(record, limits, async (limit) => {
      // Watch first: the end of a pod that is deleted meanwhile could not be seen afterwards.
      const ended = this.#control.waitForEnd(pod, limit);
      await Promise.all([this.#control.stop(pod, { keep: true, signal: limit }), ended]);
    });
  }

  /**
   * Deletes a create pod and waits until it cannot run any more; resolves with whether it has
   * begun. On a node that does not answer it is forced: it can only make a directory, never remove
   * one, and the next pod needs its name. Rejects with CLASSIC_HELPER_STUCK when that takes too
   * long.
   */
  async end({ pod, record }: HelperPod, limits: Limits): Promise<boolean> {
    const force = !answers(this.#deps.nodes, record.node);
    const begun = await this.#within(record, limits, (limit) => this.#control.removeAndWait(pod, limit, { force }));
    return begun || record.state.mayHaveRun;
  }

  /** Waits for the end of a pod, as long as a helper may take. */
  #within<T>(
    { podName, node }: HelperRecord,
    { settings, signal }: Limits,
    work: (limit: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const ms = settings.config.cmdTimeoutSeconds * 1000;
    return within(this.#deps.clock, ms, signal, work, () => classicErrors.HELPER_STUCK({ pod: podName, node }));
  }
}
