import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Log } from "../../observe/log.ts";
import type { AboutObject, Recorder } from "../../provision/events.ts";
import { EVENT_HELPER_STUCK } from "../names.ts";
import type { Settings } from "../settings/settings.ts";
import type { Location } from "../directory/locations.ts";
import { hash } from "../rendezvous.ts";
import { CreatePods } from "./pods/create-pods.ts";
import { HelperPods } from "./pods/helper-pods.ts";
import { usableNodes, type NodeLookup } from "./pods/nodes.ts";
import { helperPod, helperPodName, type HelperTask } from "./pods/pod.ts";
import { HelperPodControl } from "./pods/pod-control.ts";
import type { PodStore } from "./pods/pod-store.ts";
import { type HelperRun, HelperRunner } from "./run.ts";
import { HelperSlots, type SlotLimit } from "./slots.ts";
import { Teardowns } from "./teardowns.ts";
import { locationText, wrapped } from "./wording.ts";

export interface HelperWorkDeps {
  /** Namespace of the helper pods and the ConfigMap. */
  readonly namespace: string;
  readonly configMapName: string;
  /** ServiceAccount of the helper pods. */
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
  /** The object that events are about; undefined when it is gone. */
  readonly about: AboutObject | undefined;
  readonly signal: AbortSignal;
}

/** Suffix of every other create pod of a claim. */
const SUCCESSOR = "-again";

/**
 * Makes and removes directories by helper pods: waits for a turn, runs the pod, reports trouble,
 * copies its log.
 */
export class HelperWork {
  readonly createPods: CreatePods;
  readonly teardowns: Teardowns;
  readonly #deps: HelperWorkDeps;
  readonly #control: HelperPodControl;
  readonly #runner: HelperRunner;
  readonly #slots: HelperSlots;
  readonly #deleting: HelperPods;

  constructor(deps: HelperWorkDeps) {
    this.#deps = deps;
    this.#control = new HelperPodControl(deps);
    this.#runner = new HelperRunner(deps, this.#control);
    this.#slots = new HelperSlots(deps.slots, () => usableNodes(deps.nodes));
    this.createPods = new CreatePods({ ...deps, control: this.#control });
    this.#deleting = new HelperPods(deps.pods, "delete");
    this.teardowns = new Teardowns({ ...deps, control: this.#control, pods: this.#deleting });
  }

  /**
   * Makes a directory. The pod stays, succeeded, as the record of it. `lost` is called when
   * something may have been made, possibly without a pod that records it; `running` is a pod that
   * was already seen doing it.
   */
  async create(task: HelperTask, context: WorkContext, lost: () => void, running?: Pod): Promise<void> {
    const { volumeName: volume, node, path } = task;
    const { signal } = context;
    try {
      const pod = helperPod(task, this.#defaults(context));
      const successor = helperPod({ ...task, suffix: SUCCESSOR }, this.#defaults(context));
      const end = await this.#slots.take("create", node, signal);
      try {
        const made = await this.#run({ pod, successor, running, shared: task.shared, lost }, context);
        if (made !== undefined) this.createPods.copyLog(made);
      } finally {
        end();
      }
    } catch (error) {
      if (signal.aborted) throw error;
      throw wrapped("CREATE_FAILED", volume, error);
    }
    this.#deps.log.info(`Volume ${volume} has been created on ${locationText(node, path)}`, { volume, node, path });
  }

  /**
   * Removes a directory and then the pod that did it. `gate` is asked after all waiting, right
   * before the pod is created: when it answers, the directory is kept and the answer is returned.
   * When the signal is aborted, a pod that has not begun is taken back.
   */
  async tearDown<T>(
    task: HelperTask,
    location: Location,
    context: WorkContext,
    gate: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const { volumeName, node, path } = task;
    const { log } = this.#deps;
    const seconds = context.settings.config.cmdTimeoutSeconds;
    let kept: T | undefined;
    const mayGo = async (): Promise<boolean> => {
      kept = await gate();
      if (kept !== undefined) return false;
      context.signal.throwIfAborted();
      log.info(`Deleting volume ${volumeName} at ${locationText(node, path)}`, { volume: volumeName, node, path });
      return true;
    };
    // Refuse wrong input before waiting for anything.
    helperPod(task, this.#defaults(context));
    const end = await this.#slots.take("delete", node, context.signal);
    let ended: Pod | undefined;
    try {
      const step = await this.teardowns.done(task, seconds, context.signal);
      if (step.step === "begin") {
        await this.teardowns.clear(location, seconds, context.signal);
        ended = await this.#runTeardown(task, context, mayGo);
      } else if ((await mayGo()) && step.step === "take") ended = step.helper.pod;
    } finally {
      end();
    }
    if (ended !== undefined) await this.#finish(ended, task);
    return kept;
  }

  #runTeardown(task: HelperTask, context: WorkContext, gate: () => Promise<boolean>): Promise<Pod | undefined> {
    const pod = helperPod({ ...task, ...this.#suffixFor(task, context) }, this.#defaults(context));
    const run = { pod, shared: task.shared, lost: () => undefined, gate };
    return this.teardowns.during(pod.metadata?.name ?? "", () => this.#run(run, context));
  }

  async #finish(ended: Pod, task: HelperTask): Promise<void> {
    this.teardowns.finished(task);
    const { node, path, volumeName: volume } = task;
    this.#deps.log.info(`Volume ${volume} has been deleted on ${locationText(node, path)}`, { volume, node, path });
    await this.#control.printLog(ended);
    await this.#control.remove(ended);
  }

  /**
   * A pod of the plain name may be stuck on another node, where it does not concern this directory.
   */
  #suffixFor({ action, volumeName, node }: HelperTask, { settings }: WorkContext): { suffix?: string } {
    const taken = this.#deleting.get(helperPodName(settings.template, action, volumeName))?.record.node ?? node;
    return taken === node || taken === "" ? {} : { suffix: `-${hash(node).toString(16)}` };
  }

  #defaults({ settings }: WorkContext): Parameters<typeof helperPod>[1] {
    const { namespace, configMapName, serviceAccountName, provisioner } = this.#deps;
    const { template, config } = settings;
    return { template, config, namespace, configMapName, serviceAccountName, provisioner };
  }

  #run(
    run: Pick<HelperRun, "pod" | "successor" | "running" | "shared" | "lost" | "gate">,
    { settings, about, signal }: WorkContext,
  ): Promise<Pod | undefined> {
    const { log, recorder } = this.#deps;
    return this.#runner.run({
      ...run,
      signal,
      timeoutSeconds: settings.config.cmdTimeoutSeconds,
      report: (message) => {
        log.warn("a helper pod makes no progress", { pod: run.pod.metadata?.name, why: message });
        if (about !== undefined) recorder.record(about, { type: "Warning", reason: EVENT_HELPER_STUCK, message });
      },
    });
  }
}
