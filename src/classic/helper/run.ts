/**
 * Runs one helper pod to its end, by watching.
 *
 * A *create* pod is the record that a directory may exist: it goes away only after the
 * PersistentVolume is stored (`remove`, called by the driver's `stored`), or after a teardown of
 * its directory. What a crash leaves behind:
 *
 *     before the pod is created             nothing
 *     after, before its end                 the pod; the next attempt of the claim waits for the
 *                                           same pod, or `abandon` removes what it made
 *     after success, before the PV          the succeeded pod; the next attempt takes its path and
 *                                           runs nothing
 *     after the PV, before the removal      pod and PV; `stored` is repeated for it when a leader
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
 * teardown may run again. While one has not ended, no volume may be given its directory
 * (teardowns.ts).
 */
import { deadline } from "../../effects/clock.ts";
import { isNoAnswer } from "../../kube/errors.ts";
import type { Pod } from "../../kube/kinds.ts";
import { messageOf } from "../../observe/errors.ts";
import { classicErrors } from "../errors.ts";
import type { HelperPodControl, HelperPodDeps } from "./pods/pod-control.ts";
import { planTimeout } from "./plan-timeout.ts";
import { hasBegun, recordOf } from "./pods/record.ts";
import { Starter } from "./start-pod.ts";
import { failureOf, troubleOf } from "./trouble.ts";
import { tellWhyItWaits } from "./why-waiting.ts";

export interface HelperRun {
  /** As built by `helperPod`. */
  readonly pod: Pod;
  /**
   * For a create pod: the same pod under the other name. It replaces a failed one, which is the
   * record until then.
   */
  readonly successor?: Pod | undefined;
  /**
   * A create pod of any name that was seen running: it is waited for, and no new one is created.
   */
  readonly running?: Pod | undefined;
  /** The directory is on a shared file system: a pod on any node is for the same directory. */
  readonly shared: boolean;
  readonly timeoutSeconds: number;
  /** Called at most once, with why the pod makes no progress. */
  readonly report: (message: string) => void;
  /**
   * Called when a container of the pod, or of one before it, may have run and the pod has not
   * succeeded: it may be gone, or somebody may delete it. May be called more than once.
   */
  readonly lost: () => void;
  /** Asked right before each creation of the pod: whether it is still wanted. */
  readonly gate?: (() => Promise<boolean>) | undefined;
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
   * Resolves with the pod that succeeded; undefined when the gate said no. Rejects with
   * CLASSIC_HELPER_FAILED, _TIMEOUT, _GONE or what the API server said; with the signal's reason
   * when it is aborted (a create pod then stays, a delete pod that has not begun is taken back).
   */
  async run(run: HelperRun): Promise<Pod | undefined> {
    const { clock } = this.#deps;
    const limit = deadline(clock, run.timeoutSeconds * 1000, run.signal);
    let pod: Pod | undefined;
    try {
      pod = await new Starter(this.#deps, this.#control, run, limit.signal).start();
      if (pod === undefined) return undefined;
      const end = await this.#ended(pod, run, limit.signal);
      return await this.#judge(run, end);
    } catch (error) {
      if (run.signal.aborted) {
        if (recordOf(run.pod)?.action === "delete") await this.#control.deleteIfNotStarted(pod ?? run.pod);
        throw error;
      }
      if (limit.signal.aborted) return await this.#timedOut(run, pod);
      if (isNoAnswer(error)) run.lost();
      throw error;
    } finally {
      limit.clear();
    }
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
   * One last look (plan-timeout.ts). `pod` is undefined when the time was up before it was known
   * whether there is one.
   */
  async #timedOut(run: HelperRun, pod: Pod | undefined): Promise<Pod> {
    const { log } = this.#deps;
    const candidates = pod === undefined ? [run.pod, ...(run.successor === undefined ? [] : [run.successor])] : [pod];
    const [wanted, known] = [recordOf(run.pod), pod !== undefined];
    for (const { metadata: { name = "", namespace } = {} } of candidates) {
      let found: Pod | undefined;
      try {
        found = await this.#control.get(name, namespace);
      } catch (error) {
        log.warn("the helper pod could not be read after its time was up", { pod: name, err: error });
      }
      const record = found === undefined ? undefined : recordOf(found);
      const { lost, step } = planTimeout({ wanted, shared: run.shared, found: record, known });
      if (lost) run.lost();
      if (found === undefined || step === "pass-over") continue;
      if (step === "succeeded") return found;
      if (step === "failed") return await this.#judge(run, { end: "failed", pod: found });
      if (step === "print-and-end") await this.#control.printLog(found);
      await this.#endAfterTimeout(found);
    }
    throw classicErrors.HELPER_TIMEOUT({ seconds: run.timeoutSeconds });
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
