import { type Clock, deadline } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Pod } from "../../kube/kinds.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import type { AboutObject, Recorder } from "../../provision/events.ts";
import { classicErrors } from "../errors.ts";
import { EVENT_HELPER_STUCK } from "../names.ts";
import type { Settings } from "../settings/settings.ts";
import { overlaps } from "../directory/paths.ts";
import type { Place } from "../directory/locations.ts";
import { hash } from "../rendezvous.ts";
import { type HelperPod, HelperPods } from "./helper-pods.ts";
import { isReady, usableNodes, type NodeLookup } from "./nodes.ts";
import { helperPod, helperPodName, type HelperTask } from "./pod.ts";
import { HelperPodControl } from "./pod-control.ts";
import type { PodStore } from "./pod-store.ts";
import type { HelperRecord } from "./record.ts";
import { type HelperRun, HelperRunner } from "./run.ts";
import { HelperSlots, type SlotLimit } from "./slots.ts";
import { Teardowns } from "./teardowns.ts";

export interface HelperWorkDeps {
  /** Of the helper pods and the ConfigMap. */
  readonly namespace: string;
  readonly configMapName: string;
  /** Of the helper pods. */
  readonly serviceAccountName: string;
  readonly provisioner: string;
  readonly client: KubeClient;
  /** The pods of `namespace`, watched. */
  readonly pods: PodStore;
  readonly nodes: NodeLookup;
  readonly recorder: Recorder;
  readonly slots: SlotLimit;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * How one piece of work is to be done: with which settings, for whom its events are, and until
 * when.
 */
export interface WorkContext {
  readonly settings: Settings;
  /** Of the events; undefined when nobody is left to be told. */
  readonly about: AboutObject | undefined;
  readonly signal: AbortSignal;
}

/** Behind the name of every second create pod of a claim. */
const SUCCESSOR = "-again";

/**
 * Makes and removes directories by helper pods: waits for a turn, runs the pod, tells of trouble,
 * keeps its log.
 */
export class HelperWork {
  readonly #deps: HelperWorkDeps;
  readonly #control: HelperPodControl;
  readonly #runner: HelperRunner;
  readonly #slots: HelperSlots;
  readonly #created: HelperPods;
  readonly #deleting: HelperPods;
  readonly #teardowns: Teardowns;
  /** Logs being read, by pod name: a pod is deleted only after its log. */
  readonly #logs = new Map<string, Promise<unknown>>();

  constructor(deps: HelperWorkDeps) {
    this.#deps = deps;
    this.#control = new HelperPodControl(deps);
    this.#runner = new HelperRunner(deps, this.#control);
    this.#slots = new HelperSlots(deps.slots, () => usableNodes(deps.nodes));
    this.#created = new HelperPods(deps.pods, "create");
    this.#deleting = new HelperPods(deps.pods, "delete");
    this.#teardowns = new Teardowns({ ...deps, control: this.#control, pods: this.#deleting });
  }

  /** The create pods of a volume that are on the cluster. */
  createPodsOf(volumeName: string): readonly HelperPod[] {
    return this.#created.of(volumeName);
  }

  /** The volumes that have a create pod, or a delete pod that nobody here runs. */
  volumesWithPods(): Iterable<string> {
    return [...this.#created.volumes(), ...this.#teardowns.volumes()];
  }

  /**
   * Other volumes that a create pod, also one of a dead leader, makes or has made in an overlapping
   * directory.
   */
  makingNear(place: Place): readonly string[] {
    return this.#created.all().flatMap(({ record }) => {
      const { state, volumeName } = record;
      const hasFailed = state.is === "over" && !state.well;
      return volumeName !== place.volume && !hasFailed && meets(record, place) ? [volumeName] : [];
    });
  }

  /**
   * Another volume whose create pod is at work in an overlapping directory, or may yet begin: two
   * scripts must not meet there. Its claim may be gone, and nobody of this process waits for it.
   * Of two volumes that both have such a pod, that of the older one goes first.
   */
  atWorkNear(place: Place): string | undefined {
    const going = this.#created.all().flatMap(({ record }) => (record.state.is === "over" ? [] : [record]));
    const own = going.filter(({ volumeName }) => volumeName === place.volume);
    const isBefore = (one: HelperRecord, other: HelperRecord): boolean => {
      const [a, b] = [one.createdAt ?? 0, other.createdAt ?? 0];
      return a < b || (a === b && one.podName < other.podName);
    };
    return going.find(
      (record) =>
        record.volumeName !== place.volume && meets(record, place) && !own.some((mine) => isBefore(mine, record)),
    )?.volumeName;
  }

  /**
   * Makes a directory. The pod stays, succeeded, as the record of it. `lost` is called when
   * something may have been made and no pod is left to tell; `going` is a pod that was seen at it
   * already.
   */
  async create(task: HelperTask, context: WorkContext, lost: () => void, going?: Pod): Promise<void> {
    const { volumeName, node, path } = task;
    const { signal } = context;
    try {
      const pod = helperPod(task, this.#around(context));
      const successor = helperPod({ ...task, suffix: SUCCESSOR }, this.#around(context));
      const end = await this.#slots.take("create", node, signal);
      try {
        const made = await this.#run({ pod, successor, going, shared: task.shared, lost }, context);
        if (made !== undefined) this.tellLog(made);
      } finally {
        end();
      }
    } catch (error) {
      if (signal.aborted) throw error;
      throw wrapped("CREATE_FAILED", volumeName, error);
    }
    this.#deps.log.info(`Volume ${volumeName} has been created on ${placeText(node, path)}`, {
      volume: volumeName,
      node,
      path,
    });
  }

  /** Resolves when no teardown that somebody left behind can remove this directory any more. */
  async clear(place: Place, { settings, signal }: Pick<WorkContext, "settings" | "signal">): Promise<void> {
    await this.#teardowns.clear(place, settings.config.cmdTimeoutSeconds, signal);
  }

  /**
   * Sweeps the delete pods of a volume that is not to be removed, except one that runs. Never
   * rejects.
   */
  async dropTeardowns(volumeName: string): Promise<void> {
    await this.#teardowns.drop(volumeName);
  }

  /**
   * Removes a directory and then the pod that did it. `gate` is asked after all waiting, right
   * before the pod is created: what it answers keeps the directory, and is the answer here too.
   * When the signal is aborted, a pod that has not begun is taken back.
   */
  async tearDown<T>(
    task: HelperTask,
    place: Place,
    context: WorkContext,
    gate: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const { volumeName, node, path } = task;
    const { log } = this.#deps;
    let kept: T | undefined;
    const mayGo = async (): Promise<boolean> => {
      kept = await gate();
      if (kept !== undefined) return false;
      context.signal.throwIfAborted();
      log.info(`Deleting volume ${volumeName} at ${placeText(node, path)}`, { volume: volumeName, node, path });
      return true;
    };
    // Wrong input is told before anything is waited for.
    helperPod(task, this.#around(context));
    const end = await this.#slots.take("delete", node, context.signal);
    let ended: Pod | undefined;
    try {
      // Done already, and the PersistentVolume is still there.
      if (this.#teardowns.isFinished(task)) return (await mayGo()) ? undefined : kept;
      const done = await this.#teardowns.done(task, context.settings.config.cmdTimeoutSeconds, context.signal);
      if (done === undefined) {
        await this.clear(place, context);
        const pod = helperPod({ ...task, ...this.#suffixFor(task, context) }, this.#around(context));
        const { shared } = task;
        const run = (): Promise<Pod | undefined> =>
          this.#run({ pod, shared, lost: () => undefined, gate: mayGo }, context);
        ended = await this.#teardowns.during(pod.metadata?.name ?? "", run);
      } else if (await mayGo()) ended = done;
    } finally {
      end();
    }
    if (ended !== undefined) await this.#finish(ended, task);
    return kept;
  }

  async #finish(ended: Pod, task: HelperTask): Promise<void> {
    this.#teardowns.finished(task);
    const { node, path, volumeName: volume } = task;
    this.#deps.log.info(`Volume ${volume} has been deleted on ${placeText(node, path)}`, { volume, node, path });
    await this.#control.printLog(ended);
    await this.#control.remove(ended);
  }

  /**
   * Writes a pod's log into ours, behind the caller's back: only the pod's removal waits for it.
   */
  tellLog(pod: Pod): void {
    const name = pod.metadata?.name ?? "";
    const telling = this.#control.printLog(pod).finally(() => this.#logs.delete(name));
    this.#logs.set(name, telling);
  }

  /** Notes on a create pod that is taken over that its directory is retained. */
  async keepRetained(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#control.keepRetained(pod, signal);
  }

  /**
   * Deletes the create pods of a volume, which has a PersistentVolume or no directory now. Resolves
   * with whether all are. Never rejects.
   */
  async removeCreatePods(volumeName: string): Promise<boolean> {
    let all = true;
    for (const { pod } of this.#created.of(volumeName)) all = (await this.remove(pod)) && all;
    return all;
  }

  /** Deletes a pod after its log has been read. Resolves with whether it is. Never rejects. */
  async remove(pod: Pod): Promise<boolean> {
    await this.#logs.get(pod.metadata?.name ?? "");
    return this.#control.remove(pod);
  }

  /**
   * Waits until a create pod that runs has ended, as long as a helper may take, unless its node
   * does not answer: ended it is the record of what it made, deleted it is none. Never rejects.
   */
  async awaitEnd(
    { pod, record }: HelperPod,
    { settings, signal }: Pick<WorkContext, "settings" | "signal">,
  ): Promise<void> {
    const { node } = record;
    if (node !== "" && !isReady(this.#deps.nodes.get(node))) return;
    const limit = deadline(this.#deps.clock, settings.config.cmdTimeoutSeconds * 1000, signal);
    // Its time is up: it is ended as one that has not ended.
    await this.#control.waitForEnd(pod, limit.signal).catch(() => undefined);
    limit.clear();
  }

  /**
   * Ends a create pod that runs or is about to, and waits until it has: it stays as the record of
   * what it made, or one before it. Rejects with CLASSIC_HELPER_STUCK when that takes too long.
   */
  async endAsRecord(
    { pod, record: { podName, node } }: HelperPod,
    { settings, signal }: Pick<WorkContext, "settings" | "signal">,
  ): Promise<void> {
    await this.#within({ podName, node }, settings, signal, async (limit) => {
      // Watched from before: the end of a pod that is deleted meanwhile would not be seen any more.
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
  async end(
    { pod, record }: HelperPod,
    { settings, signal }: Pick<WorkContext, "settings" | "signal">,
  ): Promise<boolean> {
    const { podName, node, state } = record;
    const force = node !== "" && !isReady(this.#deps.nodes.get(node));
    const begun = await this.#within({ podName, node }, settings, signal, (limit) =>
      this.#control.removeAndWait(pod, limit, { force }),
    );
    return begun || state.mayHaveRun;
  }

  /** Waits for the end of a pod, as long as a helper may take. */
  async #within<T>(
    { podName, node }: Pick<HelperRecord, "podName" | "node">,
    settings: Settings,
    signal: AbortSignal,
    work: (limit: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const limit = deadline(this.#deps.clock, settings.config.cmdTimeoutSeconds * 1000, signal);
    try {
      return await work(limit.signal);
    } catch (error) {
      if (limit.signal.aborted && !signal.aborted) throw classicErrors.HELPER_STUCK({ pod: podName, node });
      throw error;
    } finally {
      limit.clear();
    }
  }

  /**
   * A pod of the plain name may be stuck on another node, where it does not concern this directory.
   */
  #suffixFor({ action, volumeName, node }: HelperTask, { settings }: WorkContext): { suffix?: string } {
    const taken = this.#deleting.get(helperPodName(settings.template, action, volumeName))?.record.node ?? node;
    return taken === node || taken === "" ? {} : { suffix: `-${hash(node).toString(16)}` };
  }

  #around({ settings }: WorkContext): Parameters<typeof helperPod>[1] {
    const { namespace, configMapName, serviceAccountName, provisioner } = this.#deps;
    const { template, config } = settings;
    return { template, config, namespace, configMapName, serviceAccountName, provisioner };
  }

  #run(
    run: Pick<HelperRun, "pod" | "successor" | "going" | "shared" | "lost" | "gate">,
    { settings, about, signal }: WorkContext,
  ): Promise<Pod | undefined> {
    const { log, recorder } = this.#deps;
    return this.#runner.run({
      ...run,
      signal,
      timeoutSeconds: settings.config.cmdTimeoutSeconds,
      report: (message) => {
        log.warn("a helper pod does not get on", { pod: run.pod.metadata?.name, why: message });
        if (about !== undefined) recorder.record(about, { type: "Warning", reason: EVENT_HELPER_STUCK, message });
      },
    });
  }
}

/** Whether a pod works in a directory that is, contains or lies in this one. */
function meets({ node, path }: HelperRecord, place: Place): boolean {
  const sameNode = node === "" || place.node === undefined || node === place.node;
  return sameNode && path !== undefined && overlaps(path, place.path);
}

/** `<node>:<path>`, or the path alone where no node is named: as in the original's log lines. */
export function placeText(node: string, path: string): string {
  return node === "" ? path : `${node}:${path}`;
}

/**
 * Puts the original's words before an error, once, and keeps its code, advice and what it says
 * about retries.
 */
export function wrapped(row: "CREATE_FAILED" | "DELETE_FAILED", volume: string, cause: unknown): CodedError {
  const outer = classicErrors[row]({ volume, why: messageOf(cause) }, { cause });
  if (!(cause instanceof CodedError)) return outer;
  return new CodedError(cause.code, { retry: cause.retry, advice: cause.advice }, outer.message, { cause });
}
