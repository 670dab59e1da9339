/**
 * Gets one helper pod to work: asks the server what is there, does the next step (plan-create.ts),
 * and asks again.
 *
 * The watch may be behind, so the server's answer decides: whether a name is taken, and by which
 * pod. A pod whose creation was never answered may exist as well, so both names of a create pod are
 * read first, unless this is certainly the first attempt.
 */
import { isAlreadyExists, isForbidden } from "../../kube/errors.ts";
import { type Pod, pods } from "../../kube/kinds.ts";
import { planRetry } from "../../kube/pace/retry.ts";
import { messageOf } from "../../observe/errors.ts";
import { classicErrors } from "../errors.ts";
import type { HelperPod } from "./pods/helper-pods.ts";
import { type CreateView, isFor, mayBeMade, planCreate, type Taken } from "./plan-create.ts";
import type { HelperPodControl, HelperPodDeps } from "./pods/pod-control.ts";
import { markedAgain } from "./pods/pod.ts";
import { isInProgress, hasSucceeded, type HelperRecord, recordOf } from "./pods/record.ts";
import type { HelperRun } from "./run.ts";

export class Starter {
  readonly #deps: HelperPodDeps;
  readonly #control: HelperPodControl;
  readonly #run: Omit<HelperRun, "signal">;
  readonly #wanted: HelperRecord;
  readonly #signal: AbortSignal;
  /** The pods that may be created, by name, in order of preference. */
  readonly #pods: ReadonlyMap<string, Pod>;
  /** Something before the pod that is created now may have made the directory. */
  #again: boolean;
  #loggedName: string | undefined;
  /** How often the server has refused a checked creation for the moment, and how long to wait. */
  #attempts = 0;
  #laterMs = 0;
  /** The server's error when a quota had no room for the pod. */
  #refusal: unknown;

  constructor(deps: HelperPodDeps, control: HelperPodControl, run: Omit<HelperRun, "signal">, signal: AbortSignal) {
    const wanted = recordOf(run.pod);
    if (wanted === undefined) throw new Error("not a helper pod");
    this.#deps = deps;
    this.#control = control;
    this.#run = run;
    this.#wanted = wanted;
    this.#signal = signal;
    this.#again = wanted.again;
    const all = run.successor === undefined ? [run.pod] : [run.pod, run.successor];
    this.#pods = new Map(all.map((pod) => [pod.metadata?.name ?? "", pod]));
  }

  /**
   * Resolves with a pod that is doing the work or has done it. Undefined: the gate refused. Rejects
   * with CLASSIC_HELPER_NAME_TAKEN or the error of the API server.
   */
  async start(): Promise<Pod | undefined> {
    const { running } = this.#run;
    let there = running === undefined ? [] : await this.#stillRunning(running);
    if (there.length === 0 && this.#wanted.again && this.#pods.size > 1) there = await this.#ask();
    let hasMadeRoom = false;
    for (;;) {
      const view = this.#view(there);
      const step = planCreate(view);
      // A pod that is taken over is the record of what it makes.
      const again = step.step === "take-over" ? step.helper.record.again : mayBeMade(view);
      if (again) this.#mayBeMade();
      switch (step.step) {
        case "refuse":
          throw classicErrors.HELPER_NAME_TAKEN({ pod: step.podName });
        case "take-over":
          for (const { pod } of step.before) await this.#removeTold(pod);
          if (this.#wanted.retain) await this.#control.keepRetained(step.helper.pod, this.#signal);
          return step.helper.pod;
        case "await-end":
          await this.#control.waitForEnd(step.helper.pod, this.#signal);
          break;
        case "await-deletion":
          if (await this.#control.removeAndWait(step.helper.pod, this.#signal)) this.#mayBeMade();
          break;
        case "delete":
          await this.#replace(step.helper);
          break;
        case "create": {
          if ((await this.#run.gate?.()) === false) return undefined;
          const created = await this.#create(step.name);
          // The gate is asked again after it: somebody's volume may be in the directory by now.
          if (created === "later") await this.#deps.clock.sleep(this.#laterMs, this.#signal);
          if (typeof created === "object") {
            if (step.after !== undefined) await this.#removeTold(step.after.pod);
            return created;
          }
          if (created === "no room") {
            if (hasMadeRoom || !(await this.#makeRoom())) throw this.#refusal;
            hasMadeRoom = true;
          }
          break;
        }
        default:
          step satisfies never;
      }
      there = await this.#ask();
    }
  }

  async #create(name: string): Promise<Pod | "taken" | "no room" | "later"> {
    const { client, log, pods: store } = this.#deps;
    const pod = this.#pods.get(name) ?? this.#run.pod;
    if (this.#loggedName !== name) {
      log.info(`create the helper pod ${name} into ${pod.metadata?.namespace ?? ""}`, { pod: name });
    }
    this.#loggedName = name;
    try {
      const created = await client.create(pods, this.#again ? markedAgain(pod) : pod, {
        signal: this.#signal,
        lane: this.#run.gate === undefined ? "work" : "checked",
      });
      store.created(created);
      return created;
    } catch (error) {
      if (isAlreadyExists(error)) return "taken";
      const later = this.#run.gate && planRetry({ method: "POST", path: "" }, error, (this.#attempts += 1));
      if (later !== undefined) {
        this.#laterMs = later.waitMs;
        return "later";
      }
      if (!isOverQuota(error)) throw error;
      this.#refusal = error;
      return "no room";
    }
  }

  /**
   * Where a quota has no room for two pods, the failed one is deleted before its successor is
   * created. In between, the claim and this process's memory are the record. Resolves with whether
   * to try again.
   */
  async #makeRoom(): Promise<boolean> {
    const view = this.#view(await this.#ask());
    if (mayBeMade(view)) this.#mayBeMade();
    const step = planCreate(view);
    if (step.step !== "create") return true;
    if (step.after === undefined) return false;
    await this.#replace(step.after);
    return true;
  }

  /** Called before the pod that records it is deleted: the creation of the next may be refused. */
  #mayBeMade(): void {
    if (this.#wanted.action !== "create") return;
    this.#again = true;
    this.#run.lost();
  }

  #view(there: readonly Taken[]): CreateView {
    return { wanted: this.#wanted, shared: this.#run.shared, names: [...this.#pods.keys()], there };
  }

  async #ask(): Promise<readonly Taken[]> {
    const there: Taken[] = [];
    for (const name of this.#pods.keys()) {
      const pod = await this.#control.get(name, this.#run.pod.metadata?.namespace, this.#signal);
      if (pod !== undefined) there.push({ pod, record: recordOf(pod) });
    }
    return there;
  }

  /** The pod that was seen running, whatever its name, if it still runs or has succeeded. */
  async #stillRunning({ metadata: { name = "", namespace, uid } = {} }: Pod): Promise<readonly Taken[]> {
    const pod = await this.#control.get(name, namespace, this.#signal);
    if (pod === undefined || pod.metadata?.uid !== uid) return [];
    const record = recordOf(pod);
    const view = this.#view([]);
    return isFor(view, record) && (isInProgress(record.state) || hasSucceeded(record.state)) ? [{ pod, record }] : [];
  }

  /** Deletes a pod to make room for a new one. */
  async #replace({ pod }: HelperPod): Promise<void> {
    await this.#control.printLog(pod);
    await this.#control.removeAndWait(pod, this.#signal);
  }

  /** Copies the log first: the leader that ran the pod may not have done so. */
  async #removeTold(pod: Pod): Promise<void> {
    await this.#control.printLog(pod);
    await this.#control.remove(pod);
  }
}

/** A quota on the number of pods counts those that have ended as well. */
function isOverQuota(error: unknown): boolean {
  return isForbidden(error) && messageOf(error).includes("exceeded quota");
}
