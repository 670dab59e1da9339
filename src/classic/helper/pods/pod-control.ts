import { type Clock, within } from "../../../effects/clock.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { isConflict, isForbidden, isNotFound, KubeError } from "../../../kube/errors.ts";
import { type Pod, pods } from "../../../kube/kinds.ts";
import { uidOf } from "../../../kube/objects.ts";
import { messageOf } from "../../../observe/errors.ts";
import type { Log } from "../../../observe/log.ts";
import { HELPER_CONTAINER, HELPER_GIVEN_UP, HELPER_RETAIN, HELPER_STOPPED } from "../../names.ts";
import type { PodStore } from "./pod-store.ts";
import { isSameUnstarted, planRemoval, planStop } from "./plan-ending.ts";
import { hasBegun, helperContainer, recordOf } from "./record.ts";
import { tailOf } from "../trouble.ts";

export interface HelperPodDeps {
  readonly client: KubeClient;
  readonly pods: PodStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** Log lines asked for: enough for any script, not enough to fill our memory. */
const LOG_LINES = 1000;
const LOG_TIMEOUT_MS = 10_000;
const LOOK_AGAIN_MS = 5000;
/**
 * How often a write is tried that conflicts with the kubelet's status updates. More conflicts than
 * that have another cause.
 */
const RACES = 5;
/** A leader that has lost its lease must end soon. */
const DELETE_UNSTARTED_MS = 5000;

/** Reads, ends and deletes helper pods on the cluster, whoever made them. */
export class HelperPodControl {
  readonly #deps: HelperPodDeps;

  constructor(deps: HelperPodDeps) {
    this.#deps = deps;
  }

  /**
   * Reads a pod's log, writes it into ours, and returns its last lines; "" when it cannot be read.
   * Never rejects.
   */
  async printLog(pod: Pod): Promise<string> {
    const { name = "", namespace } = pod.metadata ?? {};
    const { log } = this.#deps;
    const named = pod.spec?.containers.some((one) => one.name === HELPER_CONTAINER) === true;
    const container = named ? HELPER_CONTAINER : (helperContainer(pod)?.name ?? HELPER_CONTAINER);
    let text: string;
    try {
      const at = { name, namespace };
      text = await this.#deps.client.podLog(at, { container, tailLines: LOG_LINES, timeoutMs: LOG_TIMEOUT_MS });
    } catch (error) {
      log.error(`failed to save ${name} logs: error in opening stream: ${messageOf(error)}`, { pod: name });
      return "";
    }
    const trimmed = text.replace(/^\n+|\n+$/g, "");
    log.info(`Start of ${name} logs`, { pod: name });
    if (trimmed !== "") for (const line of trimmed.split("\n")) log.info(line, { pod: name });
    log.info(`End of ${name} logs`, { pod: name });
    return tailOf(text);
  }

  /**
   * Deletes a pod; one that is gone or has become another counts as deleted. Other failures are
   * logged: the caller's work is done, and a leftover is found again. Resolves with whether it is
   * gone.
   */
  async remove(
    pod: Pod,
    options: { readonly force?: boolean; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<boolean> {
    const { name = "", namespace, uid } = pod.metadata ?? {};
    try {
      const gracePeriodSeconds = options.force === true ? 0 : undefined;
      await this.#deps.client.delete(pods, { name, namespace }, { uid, gracePeriodSeconds, signal: options.signal });
      return true;
    } catch (error) {
      if (isNotFound(error)) this.#deps.pods.answered(name, undefined);
      if (isNotFound(error) || isConflict(error)) return true;
      this.#deps.log.error(`unable to delete the helper pod: ${messageOf(error)}`, { pod: name });
      return false;
    }
  }

  /**
   * Marks a create pod as retained (what it makes is never removed), unless it is: its class's
   * policy has become Retain since.
   */
  async keepRetained(pod: Pod, signal: AbortSignal): Promise<void> {
    if (recordOf(pod)?.retain === true) return;
    const { name = "", namespace, uid } = pod.metadata ?? {};
    const patch = { metadata: { uid, annotations: { [HELPER_RETAIN]: "true" } } };
    try {
      await this.#deps.client.patchMerge(pods, { name, namespace }, patch, { signal });
    } catch (error) {
      // It only matters after two crashes at the worst moments; the claim must not wait because a
      // right is missing.
      if (!isForbidden(error)) throw error;
      this.#deps.log.warn("the helper pod cannot be marked as retained", { pod: name, err: error });
    }
  }

  /**
   * Marks a create pod before its directory is removed: from then on its success does not count.
   * Rejects when the server does not answer.
   */
  async markGivenUp(pod: Pod, signal: AbortSignal): Promise<void> {
    const { name = "", namespace, uid } = pod.metadata ?? {};
    const patch = { metadata: { uid, annotations: { [HELPER_GIVEN_UP]: "true" } } };
    try {
      await this.#deps.client.patchMerge(pods, { name, namespace }, patch, { signal });
    } catch (error) {
      // Gone, or another pod has its name by now.
      if (isNotFound(error) || isConflict(error)) return;
      // It only matters if the pod cannot be deleted afterwards either.
      if (!isRefusal(error)) throw error;
      this.#deps.log.warn("the helper pod cannot be marked as given up", { pod: name, err: error });
    }
  }

  /**
   * Tells the kubelet to end a pod and to leave it there, failed, as the record of what it made;
   * one that cannot have started, and has none before it, is deleted instead, unless it is to be
   * kept (`keep`). `activeDeadlineSeconds` is one of the few fields of a pod that may be set later,
   * and since Kubernetes 1.27 the kubelet calls a pod Failed only when its containers have stopped.
   * Where the patch is refused (rights, a webhook) it is deleted. Rejects when the server does not
   * answer.
   */
  async stop(pod: Pod, options: { readonly keep?: boolean; readonly signal?: AbortSignal } = {}): Promise<void> {
    const { keep = false, signal } = options;
    await this.#overRaces(pod, signal, async (now) => {
      if (uidOf(now) === pod.metadata?.uid) await this.#stop(now, planStop(recordOf(now), keep), signal);
    });
  }

  /**
   * Does a write that fails with a conflict when the pod has changed: then it is tried again with
   * the pod as it is now. Nothing is written to a pod that is gone.
   */
  async #overRaces(pod: Pod, signal: AbortSignal | undefined, write: (now: Pod) => Promise<void>): Promise<void> {
    const { name = "", namespace } = pod.metadata ?? {};
    let now: Pod | undefined = pod;
    for (let race = 1; now !== undefined; race++) {
      try {
        await write(now);
        return;
      } catch (error) {
        if (!isConflict(error) || race === RACES) throw error;
      }
      now = await this.get(name, namespace, signal);
    }
  }

  /** Rejects with a conflict when the pod has changed meanwhile. */
  async #stop(pod: Pod, how: "by deadline" | "by deletion", signal?: AbortSignal): Promise<void> {
    const { client } = this.#deps;
    const { name = "", namespace, uid, resourceVersion } = pod.metadata ?? {};
    const metadata = { uid, annotations: { [HELPER_STOPPED]: "true" } };
    const at = { name, namespace };
    try {
      // With the resource version, so that the deletion fails when a container starts meanwhile.
      if (how === "by deletion") await client.delete(pods, at, { uid, resourceVersion, signal });
      else await client.patchMerge(pods, at, { metadata, spec: { activeDeadlineSeconds: 1 } }, { signal });
    } catch (error) {
      if (isNotFound(error)) this.#deps.pods.answered(name, undefined);
      else if (isRefusal(error)) await this.remove(pod, { signal });
      else throw error;
    }
  }

  /**
   * Deletes a pod and waits until it is not there any more. Resolves with whether a container of it
   * was seen to have run, even while it was being ended. Rejects when the signal is aborted first.
   */
  async removeAndWait(pod: Pod, signal: AbortSignal, options: { readonly force?: boolean } = {}): Promise<boolean> {
    const { name = "", namespace } = pod.metadata ?? {};
    const { force = false } = options;
    const { pods: store } = this.#deps;
    const same = (other: Pod | undefined): Pod | undefined =>
      other !== undefined && uidOf(other) === uidOf(pod) ? other : undefined;
    let begun = hasBegun(pod);
    const stop = store.watch(name, () => {
      const seen = same(store.get(name));
      if (seen !== undefined && hasBegun(seen)) begun = true;
    });
    try {
      for (let isAsked = false; ;) {
        const now = same(await this.get(name, namespace, signal));
        if (now !== undefined && hasBegun(now)) begun = true;
        const step = planRemoval({ now, watched: same(store.get(name)), force, isAsked });
        if (step === "gone") return begun;
        isAsked = step === "delete";
        if (isAsked) await this.remove(now ?? pod, { force, signal });
        else await this.#untilGone(pod, signal);
      }
    } finally {
      stop();
    }
  }

  /**
   * Waits until the watch shows that a pod is gone, five seconds at most: a watch that never showed
   * the pod cannot show its end either. Rejects when the signal is aborted first.
   */
  async #untilGone(pod: Pod, signal: AbortSignal): Promise<void> {
    const gone = (seen: Pod | undefined): true | undefined => (seen === undefined ? true : undefined);
    try {
      await within(this.#deps.clock, LOOK_AGAIN_MS, signal, (limit) => this.watch(pod, limit, gone));
    } catch (error) {
      if (signal.aborted) throw error;
    }
  }

  /** Waits until a pod has ended or is gone. Rejects when the signal is aborted first. */
  async waitForEnd(pod: Pod, signal: AbortSignal): Promise<void> {
    const ended = (seen: Pod | undefined): true | undefined =>
      seen === undefined || seen.status?.phase === "Succeeded" || seen.status?.phase === "Failed" ? true : undefined;
    await this.watch(pod, signal, ended);
  }

  /** The same for `seconds` at most. Never rejects: whoever waits looks at what the pod is then. */
  async waitForEndWithin(seconds: number, pod: Pod, signal: AbortSignal): Promise<void> {
    const wait = (limit: AbortSignal): Promise<void> => this.waitForEnd(pod, limit);
    await within(this.#deps.clock, seconds * 1000, signal, wait).catch(() => undefined);
  }

  /**
   * Deletes a helper pod that removes a directory, if none of its containers has started by the API
   * server's answer at that moment. A pod without a UID (its creation was not answered) is found by
   * name and directory. Best effort: never rejects, and takes five seconds at most.
   */
  async deleteIfNotStarted(pod: Pod): Promise<void> {
    const { name = "", namespace } = pod.metadata ?? {};
    try {
      await within(this.#deps.clock, DELETE_UNSTARTED_MS, undefined, async (limit) => {
        const now = await this.get(name, namespace, limit);
        if (now !== undefined) await this.#overRaces(now, limit, (seen) => this.#deleteUnstarted(seen, pod, limit));
      });
    } catch (error) {
      if (isNotFound(error)) return;
      this.#deps.log.error(`unable to delete the helper pod that had not started: ${messageOf(error)}`, { pod: name });
    }
  }

  async #deleteUnstarted(now: Pod, pod: Pod, signal: AbortSignal): Promise<void> {
    if (!isSameUnstarted(now, pod)) return;
    const { name = "", namespace, uid, resourceVersion } = now.metadata ?? {};
    // With the resource version, so that it fails when a container starts meanwhile.
    await this.#deps.client.delete(pods, { name, namespace }, { uid, resourceVersion, signal });
    const volume = recordOf(now)?.volumeName;
    this.#deps.log.info("deleted a helper pod that had not started", { pod: name, volume });
  }

  /** A pod as the server has it; undefined when it is not there. */
  async get(name: string, namespace: string | undefined, signal?: AbortSignal): Promise<Pod | undefined> {
    const { client, pods: store } = this.#deps;
    let pod: Pod | undefined;
    try {
      pod = await client.get(pods, { name, namespace }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    store.answered(name, pod);
    return pod;
  }

  /**
   * Watches the pod with this UID until `look` answers. `look(undefined)`: it was seen and is gone.
   * A pod the watch has not shown yet is not gone: the answer to a create can be ahead of the
   * watch.
   */
  watch<T>(pod: Pod, signal: AbortSignal, look: (pod: Pod | undefined) => T | undefined): Promise<T> {
    const { pods: store } = this.#deps;
    const name = pod.metadata?.name ?? "";
    return new Promise((resolve, reject) => {
      let seen = false;
      const check = (): void => {
        const now = store.get(name);
        const same = now !== undefined && uidOf(now) === uidOf(pod);
        if (same) seen = true;
        else if (!seen) return;
        const answer = look(same ? now : undefined);
        if (answer === undefined) return;
        finish();
        resolve(answer);
      };
      const onAbort = (): void => {
        finish();
        reject(signal.reason as Error);
      };
      const stop = store.watch(name, check);
      const finish = (): void => {
        stop();
        signal.removeEventListener("abort", onAbort);
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener("abort", onAbort, { once: true });
      check();
    });
  }
}

/** Whether the server refuses for good: asking again does not help. */
function isRefusal(error: unknown): boolean {
  const code = error instanceof KubeError ? error.code : 0;
  return code >= 400 && code < 500 && !isConflict(error) && code !== 429;
}
