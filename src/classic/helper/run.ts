/**
 * Runs one helper pod to its end, by watching.
 *
 * A *create* pod is the record that a directory may exist: it goes away only after the
 * PersistentVolume is stored (`remove`, called by the driver's `settled`), or after a teardown of
 * its directory. What a crash leaves behind:
 *
 *     before the pod is created             nothing
 *     after, before its end                 the pod; the next attempt of the claim waits for the
 *                                           same pod, or `abandon` removes what it made
 *     after success, before the PV          the succeeded pod; the next attempt takes its path and
 *                                           runs nothing
 *     after the PV, before the removal      pod and PV; `settled` is repeated for it when a leader
 *                                           starts
 *     after a failure                       the failed pod stays until its successor is there, or
 *                                           until the claim is gone (`abandon`)
 *     after its successor is created        both; the successor says that there was one before it
 *                                           (HELPER_AGAIN), and counts. It has the other of two
 *                                           names, so that there is a record at every moment
 *                                           (where a quota has no room for both, the failed one
 *                                           goes first: then the claim is the record for a moment,
 *                                           and this process' memory)
 *     after a timeout                       the pod, told to end (`stop`): the kubelet makes it a
 *                                           failed one. One that has not begun and comes after
 *                                           nothing is deleted: nothing was made
 *
 * A *delete* pod records nothing (the PV, or the create pod, still does): whatever it did, a
 * teardown may run again. While one has not ended, nobody may be given its directory
 * (teardowns.ts).
 */
import { deadline } from "../../effects/clock.ts";
import { isAlreadyExists, isForbidden, isNoAnswer } from "../../kube/errors.ts";
import { type Pod, pods } from "../../kube/kinds.ts";
import { messageOf } from "../../observe/errors.ts";
import { classicErrors } from "../errors.ts";
import type { HelperPodControl, HelperPodDeps } from "./pod-control.ts";
import { markedAgain } from "./pod.ts";
import { hasBegun, type HelperRecord, recordOf } from "./record.ts";
import { failureOf, troubleOf } from "./trouble.ts";
import { tellWhyItWaits } from "./why-waiting.ts";

export interface HelperRun {
  /** As built by `helperPod`. */
  readonly pod: Pod;
  /**
   * The same under another name, for a create pod: what takes the place of a failed one, which is
   * the record until then.
   */
  readonly successor?: Pod | undefined;
  /**
   * A create pod of whatever name that was seen to go on: it is waited for instead of a new one.
   */
  readonly going?: Pod | undefined;
  /**
   * The directory is on a file system of all nodes: a pod on whichever of them is for the same one.
   */
  readonly shared: boolean;
  readonly timeoutSeconds: number;
  /** Called at most once, with what keeps the pod from getting on. */
  readonly report: (message: string) => void;
  /**
   * Called when a container of the pod, or of one before it, may have run and the pod has not
   * succeeded: it may be gone, or somebody may delete it. May be called more than once.
   */
  readonly lost: () => void;
  /** Asked right before the pod is created, however often; what it throws ends the run. */
  readonly gate?: (() => Promise<void>) | undefined;
  readonly signal: AbortSignal;
}

type End = { readonly end: "succeeded" | "failed"; readonly pod: Pod } | { readonly end: "gone" };

export class HelperRunner {
  readonly #deps: HelperPodDeps;
  readonly #control: HelperPodControl;

  constructor(deps: HelperPodDeps, control: HelperPodControl) {
    this.#deps = deps;
    this.#control = control;
  }

  /**
   * Resolves with the pod that succeeded. Rejects with CLASSIC_HELPER_FAILED, _TIMEOUT, _GONE or
   * what the API server said; with the signal's reason when it is aborted (a create pod then stays,
   * a delete pod that has not begun is taken back).
   */
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
        if (recordOf(run.pod)?.action === "delete") await this.#control.takeBack(pod ?? run.pod);
        throw error;
      }
      if (limit.signal.aborted) return await this.#timedOut(run, pod);
      if (isNoAnswer(error)) run.lost();
      throw error;
    } finally {
      limit.clear();
    }
  }

  async #createOrAdopt(run: HelperRun, signal: AbortSignal): Promise<Pod> {
    const { client, log } = this.#deps;
    const ours = recordOf(run.pod);
    const going = await this.#stillGoing(run, signal);
    if (going !== undefined) {
      if (ours?.retain === true) await this.#control.keepRetained(going, signal);
      return going;
    }
    let { pod, successor: other } = run;
    /** Failed, under the name that is not tried now. */
    let failed: Pod | undefined;
    // The server is asked: an attempt whose creation was never answered may be there and not in the
    // watch. A first attempt has none before it.
    const there =
      other === undefined || ours?.again !== true
        ? undefined
        : await this.#control.get(other.metadata?.name ?? "", other.metadata?.namespace, signal);
    const record = there === undefined ? undefined : recordOf(there);
    if (other !== undefined && isFor(run, record)) {
      if (record.phase === "failed" && !record.leaving) failed = there;
      else [pod, other] = [other, pod];
    }
    /**
     * What is there already, or something before it, may have made the directory. Said before it is
     * deleted: the creation of the next may be refused.
     */
    const mayBeMade = (): void => {
      run.lost();
      pod = markedAgain(pod);
      other = other === undefined ? undefined : markedAgain(other);
    };
    if (failed !== undefined) mayBeMade();
    let told: string | undefined;
    let madeRoom = false;
    for (;;) {
      await run.gate?.();
      const { name = "", namespace } = pod.metadata ?? {};
      if (told !== name) log.info(`create the helper pod ${name} into ${namespace ?? ""}`, { pod: name });
      told = name;
      try {
        const created = await client.create(pods, pod, { signal });
        this.#deps.pods.created(created);
        await this.#succeed(failed);
        return created;
      } catch (error) {
        if (isOverQuota(error) && !madeRoom) {
          // The record takes the room of its successor. The claim is the record then, and this
          // process' memory.
          madeRoom = true;
          const record = failed ?? (await this.#failedOf(run, pod, signal));
          failed = undefined;
          if (record !== undefined) {
            mayBeMade();
            await this.#replace(record, signal);
            continue;
          }
        }
        if (!isAlreadyExists(error)) throw error;
      }
      const existing = await this.#control.get(name, namespace, signal);
      if (existing === undefined) continue;
      const theirs = recordOf(existing);
      if (!isFor(run, theirs)) throw classicErrors.HELPER_NAME_TAKEN({ pod: name });
      const { again, leaving, phase, stopped, node } = theirs;
      const creates = theirs.action === "create";
      if (creates && (again || phase === "failed" || (leaving && phase !== "waiting"))) mayBeMade();
      // With somebody's finalizer it may be there for long, but what has ended does not begin
      // again.
      const over = phase === "failed" || (leaving && phase === "succeeded");
      if (leaving && !(creates && over && failed === undefined)) {
        if ((await this.#control.removeAndWait(existing, signal)) && creates) mayBeMade();
      } else if (creates && other !== undefined && (over || (stopped && node === ""))) {
        // It ended before this attempt began; one that was never placed has nobody to end it. Where
        // both names are taken like this, one record is enough.
        if (failed === undefined) [pod, other, failed] = [other, pod, existing];
        else await this.#replace(existing, signal);
      } else if (phase === "failed" || (phase === "succeeded" && !creates)) {
        await this.#replace(existing, signal);
      } else if (stopped && phase !== "succeeded") {
        await this.#control.waitForEnd(existing, signal);
      } else {
        if (again) await this.#succeed(failed);
        if (creates && ours?.retain === true) await this.#control.keepRetained(existing, signal);
        return existing;
      }
    }
  }

  async #stillGoing(run: HelperRun, signal: AbortSignal): Promise<Pod | undefined> {
    const { name = "", namespace, uid } = run.going?.metadata ?? {};
    if (run.going === undefined) return undefined;
    const now = await this.#control.get(name, namespace, signal);
    const record = now === undefined ? undefined : recordOf(now);
    const isSame = now?.metadata?.uid === uid && isFor(run, record);
    return isSame && !record.leaving && !record.stopped && record.phase !== "failed" ? now : undefined;
  }

  async #failedOf(run: HelperRun, { metadata }: Pod, signal: AbortSignal): Promise<Pod | undefined> {
    const found = await this.#control.get(metadata?.name ?? "", metadata?.namespace, signal);
    const record = found === undefined ? undefined : recordOf(found);
    return isFor(run, record) && record.action === "create" && record.phase === "failed" ? found : undefined;
  }

  /** Makes way for a fresh pod of this name. Its log is told: perhaps its leader could not. */
  async #replace(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#control.printLog(pod);
    await this.#control.removeAndWait(pod, signal);
  }

  /** Deletes a failed pod, whose successor is there. */
  async #succeed(failed: Pod | undefined): Promise<void> {
    if (failed === undefined) return;
    await this.#control.printLog(failed);
    await this.#control.remove(failed);
  }

  async #ended(pod: Pod, run: HelperRun, signal: AbortSignal): Promise<End> {
    let reported = false;
    let begun = hasBegun(pod);
    const look = (seen: Pod | undefined): End | undefined => {
      if (seen === undefined) return { end: "gone" };
      if (seen.status?.phase === "Succeeded") return { end: "succeeded", pod: seen };
      if (seen.status?.phase === "Failed") return { end: "failed", pod: seen };
      if (hasBegun(seen)) begun = true;
      const trouble = reported ? undefined : troubleOf(seen);
      if (trouble !== undefined) {
        reported = true;
        run.report(trouble);
      }
      return undefined;
    };
    const already = look(pod);
    if (already !== undefined) return already;
    const over = new AbortController();
    const isWaiting = (): boolean => !reported && !begun;
    void tellWhyItWaits(this.#deps, pod, isWaiting, run.report, over.signal);
    try {
      return await this.#control.watch(pod, signal, look);
    } finally {
      over.abort();
    }
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
        const log = await this.#control.printLog(end.pod);
        // A failed create pod stays: it is the record of a directory that may be there (head of
        // this file).
        run.lost();
        if (recordOf(end.pod)?.action === "delete") await this.#control.remove(end.pod);
        throw classicErrors.HELPER_FAILED({ pod: name, why: failureOf(end.pod), log });
      }
      default:
        return end satisfies never;
    }
  }

  /**
   * One last look past the watch, which may be behind: a pod that has succeeded meanwhile counts.
   * `pod` is undefined when the time was up before it was known whether there is one.
   */
  async #timedOut(run: HelperRun, pod: Pod | undefined): Promise<Pod> {
    const { log } = this.#deps;
    const timeout = classicErrors.HELPER_TIMEOUT({ seconds: run.timeoutSeconds });
    const candidates = pod === undefined ? [run.pod, ...(run.successor === undefined ? [] : [run.successor])] : [pod];
    for (const { metadata: { name = "", namespace } = {} } of candidates) {
      let found: Pod | undefined;
      try {
        found = await this.#control.get(name, namespace);
      } catch (error) {
        log.warn("the helper pod could not be read after its time was up", { pod: name, err: error });
        run.lost();
        continue;
      }
      const record = found === undefined ? undefined : recordOf(found);
      if (found === undefined || !isFor(run, record)) {
        run.lost();
        continue;
      }
      const { phase, leaving } = record;
      if (phase !== "waiting") run.lost();
      if (leaving) continue;
      if (phase === "succeeded" && (pod !== undefined || record.action === "create")) return found;
      if (phase === "failed") {
        if (pod !== undefined) return await this.#judge(run, { end: "failed", pod: found });
        continue;
      }
      if (phase !== "waiting") await this.#control.printLog(found);
      await this.#endAfterTimeout(found);
    }
    throw timeout;
  }

  /**
   * Never rejects: the attempt has ended, and the next one, or `abandon`, finds whatever is left.
   */
  async #endAfterTimeout(pod: Pod): Promise<void> {
    if (recordOf(pod)?.action === "delete") {
      await this.#control.remove(pod);
      return;
    }
    await this.#control.stop(pod).catch((error: unknown) => {
      this.#deps.log.error(`unable to end the helper pod: ${messageOf(error)}`, { pod: pod.metadata?.name });
    });
  }
}

/** A quota on the number of pods counts those that have ended as well. */
function isOverQuota(error: unknown): boolean {
  return isForbidden(error) && messageOf(error).includes("exceeded quota");
}

/**
 * Whether a pod is for the directory of this run. A pod of another place must not be taken for
 * ours: its success would be that of another directory.
 */
function isFor({ pod, shared }: HelperRun, theirs: HelperRecord | undefined): theirs is HelperRecord {
  const ours = recordOf(pod);
  return (
    theirs !== undefined &&
    theirs.volumeName === ours?.volumeName &&
    theirs.path === ours.path &&
    (theirs.provisioner ?? ours.provisioner) === ours.provisioner &&
    (theirs.node === ours.node || shared)
  );
}
