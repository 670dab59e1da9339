/**
 * Runs one helper pod to its end, by watching.
 *
 * A *create* pod is the record that a directory may exist: it goes away only after the PersistentVolume is stored (`remove`, called by the driver's `settled`), or after a teardown of its
 * directory. What a crash leaves behind:
 *
 *     before the pod is created             nothing
 *     after, before its end                 the pod; the next attempt of the claim waits for the same pod, or `abandon` removes what it made
 *     after success, before the PV          the succeeded pod; the next attempt takes its path and runs nothing
 *     after the PV, before the removal      pod and PV; `settled` is repeated for it when a leader starts
 *     after a failure                       the failed pod stays until its successor is there, or until the claim is gone (`abandon`)
 *     after its successor is created        both; the successor says that there was one before it (HELPER_AGAIN), and counts. It has the other of two names, so that there is a record at every moment
 *     after a timeout                       the pod, told to end (`stop`): the kubelet makes it a failed one. One that has not begun and comes after nothing is deleted: nothing was made
 *
 * A *delete* pod records nothing (the PV, or the create pod, still does): whatever it did, a teardown may run again. While one has not ended, nobody may be given its directory (teardowns.ts).
 */
import { type Clock, deadline } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isAlreadyExists, isConflict, isForbidden, isNoAnswer, isNotFound } from "../../kube/errors.ts";
import { type Pod, pods } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { classicErrors } from "../errors.ts";
import { HELPER_CONTAINER, HELPER_RETAIN, HELPER_STOPPED } from "../names.ts";
import { markedAgain } from "./pod.ts";
import type { PodStore } from "./pod-store.ts";
import { hasBegun, type HelperRecord, recordOf } from "./record.ts";
import { failureOf, tailOf, troubleOf } from "./trouble.ts";

export interface HelperRunDeps {
  readonly client: KubeClient;
  readonly pods: PodStore;
  readonly clock: Clock;
  readonly log: Log;
}

export interface HelperRun {
  /** As built by `helperPod`. */
  readonly pod: Pod;
  /** The same under another name, for a create pod: what takes the place of a failed one, which is the record until then. */
  readonly successor?: Pod | undefined;
  /** The directory is on a file system of all nodes: a pod on whichever of them is for the same one. */
  readonly shared: boolean;
  readonly timeoutSeconds: number;
  /** Called at most once, with what keeps the pod from getting on. */
  readonly report: (message: string) => void;
  /** Called when a container of the pod, or of one before it, may have run and the pod has not succeeded: it may be gone, or somebody may delete it. May be called more than once. */
  readonly lost: () => void;
  /** Asked right before the pod is created, however often; what it throws ends the run. */
  readonly gate?: (() => Promise<void>) | undefined;
  readonly signal: AbortSignal;
}

type End = { readonly end: "succeeded" | "failed"; readonly pod: Pod } | { readonly end: "gone" };

/** Log lines asked for: enough for any script's story, not enough to fill our memory. */
const LOG_LINES = 1000;
const LOG_TIMEOUT_MS = 10_000;
const LOOK_AGAIN_MS = 5000;
/** A leader that has lost its lease must end soon. */
const TAKE_BACK_MS = 5000;

export class HelperRunner {
  readonly #deps: HelperRunDeps;

  constructor(deps: HelperRunDeps) {
    this.#deps = deps;
  }

  /** Resolves with the pod that succeeded. Rejects with CLASSIC_HELPER_FAILED, _TIMEOUT, _GONE or what the API server said; with the signal's reason when it is aborted (a create pod then stays, a delete pod that has not begun is taken back). */
  async run(run: HelperRun): Promise<Pod> {
    const { clock } = this.#deps;
    const limit = deadline(clock, run.timeoutSeconds * 1000, run.signal);
    let pod: Pod | undefined;
    try {
      pod = await this.#createOrAdopt(run, limit.signal);
      const end = await this.#ended(pod, run, limit.signal);
      return await this.#judge(run, end);
    } catch (error) {
      if (run.signal.aborted) {
        if (recordOf(run.pod)?.action === "delete") await this.takeBack(pod ?? run.pod);
        throw error;
      }
      if (limit.signal.aborted) return await this.#timedOut(run);
      if (isNoAnswer(error)) run.lost();
      throw error;
    } finally {
      limit.clear();
    }
  }

  /** Reads a pod's log, writes it into ours, and returns its last lines; "" when it cannot be read. Never rejects. */
  async printLog(pod: Pod): Promise<string> {
    const { name = "", namespace } = pod.metadata ?? {};
    const { log } = this.#deps;
    const containers = pod.spec?.containers ?? [];
    const named = containers.some((one) => one.name === HELPER_CONTAINER);
    const container = named ? HELPER_CONTAINER : (containers[0]?.name ?? HELPER_CONTAINER);
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

  /** Deletes a pod; one that is gone or has become another counts as deleted. Other failures are logged: the caller's work is done, and a leftover is found again. Resolves with whether it is gone. */
  async remove(pod: Pod, options: { readonly force?: boolean; readonly signal?: AbortSignal } = {}): Promise<boolean> {
    const { name = "", namespace, uid } = pod.metadata ?? {};
    try {
      await this.#deps.client.delete(
        pods,
        { name, namespace },
        {
          ...(uid === undefined ? {} : { uid }),
          ...(options.force === true ? { gracePeriodSeconds: 0 } : {}),
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
      );
      return true;
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return true;
      this.#deps.log.error(`unable to delete the helper pod: ${messageOf(error)}`, { pod: name });
      return false;
    }
  }

  /** Notes on a create pod that what it makes is never to be removed, where it does not say so yet: its class's policy has become Retain since. */
  async keepRetained(pod: Pod, signal: AbortSignal): Promise<void> {
    if (recordOf(pod)?.retain === true) return;
    const { name = "", namespace, uid } = pod.metadata ?? {};
    const patch = { metadata: { uid, annotations: { [HELPER_RETAIN]: "true" } } };
    try {
      await this.#deps.client.patchMerge(pods, { name, namespace }, patch, { signal });
    } catch (error) {
      // It only matters after two crashes at the worst moments; the claim is not kept waiting for a right.
      if (!isForbidden(error)) throw error;
      this.#deps.log.warn("the helper pod cannot be marked as retained", { pod: name, err: error });
    }
  }

  /**
   * Tells the kubelet to end a pod and to leave it there, failed, as the record of what it made; one that nobody could have begun, and that comes after nothing, is deleted instead. `activeDeadlineSeconds` is one of the few
   * fields of a pod that may be set later, and since Kubernetes 1.27 the kubelet calls a pod Failed only when its containers have stopped. Without the right to patch pods it is deleted. Rejects when the server does not answer.
   */
  async stop(pod: Pod, signal?: AbortSignal): Promise<void> {
    const { client } = this.#deps;
    const { name = "", namespace, uid } = pod.metadata ?? {};
    const call = signal === undefined ? {} : { signal };
    const patch = {
      metadata: { uid, annotations: { [HELPER_STOPPED]: "true" } },
      spec: { activeDeadlineSeconds: 1 },
    };
    for (let now: Pod | undefined = pod; now !== undefined && uidOf(now) === uid;) {
      const record = recordOf(now);
      try {
        if (record?.phase !== "waiting" || record.again) {
          await client.patchMerge(pods, { name, namespace }, patch, call);
        } else {
          // The resource version: a container that starts meanwhile changes the pod's status first.
          const { resourceVersion } = now.metadata ?? {};
          await client.delete(pods, { name, namespace }, { uid, resourceVersion, ...call });
        }
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (isForbidden(error)) {
          await this.remove(now, call);
          return;
        }
        if (!isConflict(error)) throw error;
      }
      now = await this.#get(name, namespace, signal);
    }
  }

  /**
   * Deletes a pod and waits until it is not there any more. Resolves with whether a container of it was seen to have run, be it while it was ended. Rejects when the signal is aborted first.
   */
  async removeAndWait(pod: Pod, signal: AbortSignal, options: { readonly force?: boolean } = {}): Promise<boolean> {
    const { name = "", namespace } = pod.metadata ?? {};
    const { pods: store, clock } = this.#deps;
    const isSame = (other: Pod | undefined): other is Pod => other !== undefined && uidOf(other) === uidOf(pod);
    let begun = hasBegun(pod);
    const stop = store.watch(name, () => {
      const seen = store.get(name);
      if (isSame(seen) && hasBegun(seen)) begun = true;
    });
    try {
      for (;;) {
        const now = await this.#get(name, namespace, signal);
        if (isSame(now)) {
          if (hasBegun(now)) begun = true;
          if (now.metadata?.deletionTimestamp === undefined || options.force === true) {
            await this.remove(now, { ...options, signal });
          }
        }
        const left = isSame(now) && isSame(await this.#get(name, namespace, signal));
        // Gone; what it did last is known when the watch says so too.
        if (!left && !isSame(store.get(name))) return begun;
        // A watch that never showed the pod cannot show its end either, so the server is asked again after a while.
        const look = deadline(clock, LOOK_AGAIN_MS, signal);
        try {
          await this.#watch(pod, look.signal, (seen) => (seen === undefined ? true : undefined));
        } catch (error) {
          if (signal.aborted) throw error;
        } finally {
          look.clear();
        }
      }
    } finally {
      stop();
    }
  }

  /** Waits until a pod has ended or is gone. Rejects when the signal is aborted first. */
  async waitForEnd(pod: Pod, signal: AbortSignal): Promise<void> {
    const ended = (seen: Pod | undefined): true | undefined =>
      seen === undefined || seen.status?.phase === "Succeeded" || seen.status?.phase === "Failed" ? true : undefined;
    await this.#watch(pod, signal, ended);
  }

  /**
   * Deletes a delete pod if, by the API server's word at that very moment, no container of it has started; without a UID, whichever has its name and directory (the answer to its creation was not waited for). Best effort:
   * never rejects, and takes five seconds at most.
   */
  async takeBack(pod: Pod): Promise<void> {
    const { name = "", namespace } = pod.metadata ?? {};
    const { client, clock, log } = this.#deps;
    const limit = deadline(clock, TAKE_BACK_MS);
    const { signal } = limit;
    try {
      for (;;) {
        const now = await this.#get(name, namespace, signal);
        const record = now === undefined ? undefined : recordOf(now);
        if (now === undefined || record?.phase !== "waiting" || record.leaving) return;
        if (record.action !== "delete" || record.path !== recordOf(pod)?.path) return;
        if (pod.metadata?.uid !== undefined && uidOf(now) !== pod.metadata.uid) return;
        try {
          // The resource version: a container that starts meanwhile changes the pod's status first.
          const { uid, resourceVersion } = now.metadata ?? {};
          await client.delete(pods, { name, namespace }, { uid, resourceVersion, signal });
          log.info("a helper pod that had not begun is taken back", { pod: name, volume: record.volumeName });
          return;
        } catch (error) {
          if (!isConflict(error)) throw error;
        }
      }
    } catch (error) {
      if (!isNotFound(error)) log.error(`unable to take the helper pod back: ${messageOf(error)}`, { pod: name });
    } finally {
      limit.clear();
    }
  }

  async #createOrAdopt(run: HelperRun, signal: AbortSignal): Promise<Pod> {
    const { client, log, pods: store } = this.#deps;
    const ours = recordOf(run.pod);
    const isSame = (theirs: HelperRecord | undefined): theirs is HelperRecord =>
      theirs !== undefined &&
      theirs.volumeName === ours?.volumeName &&
      theirs.path === ours.path &&
      (theirs.node === ours.node || run.shared);
    let { pod, successor: other } = run;
    const seen = other === undefined ? undefined : store.get(other.metadata?.name ?? "");
    const record = seen === undefined ? undefined : recordOf(seen);
    /** Failed, under the name that is not tried now. One that the watch does not show yet goes when the volume is settled. */
    let failed = isSame(record) && record.phase === "failed" && !record.leaving ? seen : undefined;
    /** What is there already, or something before it, may have made the directory. Said before it is deleted: the creation of the next may be refused. */
    const mayBeMade = (): void => {
      run.lost();
      pod = markedAgain(pod);
      other = other === undefined ? undefined : markedAgain(other);
    };
    if (failed !== undefined) mayBeMade();
    let told: string | undefined;
    for (;;) {
      await run.gate?.();
      const { name = "", namespace } = pod.metadata ?? {};
      if (told !== name) log.info(`create the helper pod ${name} into ${namespace ?? ""}`, { pod: name });
      told = name;
      try {
        const created = await client.create(pods, pod, { signal });
        await this.#succeed(failed);
        return created;
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
      const existing = await this.#get(name, namespace, signal);
      if (existing === undefined) continue;
      const theirs = recordOf(existing);
      // A pod of another place must not be taken for ours: its success would be that of another directory.
      if (!isSame(theirs)) throw classicErrors.HELPER_NAME_TAKEN({ pod: name });
      const { again, leaving, phase, stopped, node } = theirs;
      const creates = theirs.action === "create";
      if (creates && (again || phase === "failed" || (leaving && phase !== "waiting"))) mayBeMade();
      if (leaving) {
        if ((await this.removeAndWait(existing, signal)) && creates) mayBeMade();
      } else if (creates && other !== undefined && (phase === "failed" || (stopped && node === ""))) {
        // It ended before this attempt began; one that was never placed has nobody to end it. Where both names are taken like this, one record is enough.
        if (failed === undefined) [pod, other, failed] = [other, pod, existing];
        else await this.#replace(existing, signal);
      } else if (phase === "failed" || (phase === "succeeded" && !creates)) {
        await this.#replace(existing, signal);
      } else if (stopped && phase !== "succeeded") {
        await this.waitForEnd(existing, signal);
      } else {
        if (again) await this.#succeed(failed);
        if (creates && ours?.retain === true) await this.keepRetained(existing, signal);
        return existing;
      }
    }
  }

  /** Makes way for a fresh pod of this name. Its log is told: perhaps its leader could not. */
  async #replace(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.printLog(pod);
    await this.removeAndWait(pod, signal);
  }

  /** Deletes a failed pod, whose successor is there. */
  async #succeed(failed: Pod | undefined): Promise<void> {
    if (failed === undefined) return;
    await this.printLog(failed);
    await this.remove(failed);
  }

  async #get(name: string, namespace: string | undefined, signal?: AbortSignal): Promise<Pod | undefined> {
    try {
      return await this.#deps.client.get(pods, { name, namespace }, signal === undefined ? {} : { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #ended(pod: Pod, run: HelperRun, signal: AbortSignal): Promise<End> {
    let reported = false;
    const look = (seen: Pod | undefined): End | undefined => {
      if (seen === undefined) return { end: "gone" };
      if (seen.status?.phase === "Succeeded") return { end: "succeeded", pod: seen };
      if (seen.status?.phase === "Failed") return { end: "failed", pod: seen };
      const trouble = reported ? undefined : troubleOf(seen);
      if (trouble !== undefined) {
        reported = true;
        run.report(trouble);
      }
      return undefined;
    };
    const already = look(pod);
    return already === undefined ? this.#watch(pod, signal, look) : Promise.resolve(already);
  }

  /**
   * Watches the pod with this UID until `look` answers. `look(undefined)`: it was seen and is gone. A pod the watch has not shown yet is not gone: the answer to a
   * create can be ahead of the watch.
   */
  #watch<T>(pod: Pod, signal: AbortSignal, look: (pod: Pod | undefined) => T | undefined): Promise<T> {
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

  async #judge(run: HelperRun, end: End): Promise<Pod> {
    const name = run.pod.metadata?.name ?? "";
    switch (end.end) {
      case "gone":
        run.lost();
        throw classicErrors.HELPER_GONE({ pod: name });
      case "succeeded":
        return end.pod;
      case "failed": {
        const log = await this.printLog(end.pod);
        // A failed create pod stays: it is the record of a directory that may be there (head of this file).
        run.lost();
        if (recordOf(end.pod)?.action === "delete") await this.remove(end.pod);
        throw classicErrors.HELPER_FAILED({ pod: name, why: failureOf(end.pod), log });
      }
      default:
        return end satisfies never;
    }
  }

  /** One last look past the watch, which may be behind: a pod that has succeeded meanwhile counts. */
  async #timedOut(run: HelperRun): Promise<Pod> {
    const { name = "", namespace } = run.pod.metadata ?? {};
    const timeout = classicErrors.HELPER_TIMEOUT({ seconds: run.timeoutSeconds });
    let pod: Pod | undefined;
    try {
      pod = await this.#get(name, namespace);
    } catch (error) {
      this.#deps.log.warn("the helper pod could not be read after its time was up", { pod: name, err: error });
      run.lost();
      throw timeout;
    }
    if (pod === undefined) {
      run.lost();
      throw timeout;
    }
    const record = recordOf(pod);
    const leaving = record?.leaving === true;
    if (record?.phase === "succeeded" && !leaving) return pod;
    if (record?.phase === "failed" && !leaving) return await this.#judge(run, { end: "failed", pod });
    if (record?.phase !== "waiting") {
      run.lost();
      await this.printLog(pod);
    }
    if (!leaving) await this.#endAfterTimeout(pod);
    throw timeout;
  }

  /** Never rejects: the attempt has ended, and the next one, or `abandon`, finds whatever is left. */
  async #endAfterTimeout(pod: Pod): Promise<void> {
    if (recordOf(pod)?.action === "delete") {
      await this.remove(pod);
      return;
    }
    await this.stop(pod).catch((error: unknown) => {
      this.#deps.log.error(`unable to end the helper pod: ${messageOf(error)}`, { pod: pod.metadata?.name });
    });
  }
}
