import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Pod } from "../../kube/kinds.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import type { AboutObject, Recorder } from "../../provision/events.ts";
import { classicErrors } from "../errors.ts";
import { EVENT_HELPER_STUCK } from "../names.ts";
import type { Settings } from "../settings.ts";
import { CreatePods } from "./create-pods.ts";
import { helperPod, type HelperTask } from "./pod.ts";
import type { PodStore } from "./pod-store.ts";
import type { HelperRecord } from "./record.ts";
import { HelperRunner } from "./run.ts";
import { HelperSlots, type SlotLimit } from "./slots.ts";

export interface HelperWorkDeps {
  /** Of the helper pods and the ConfigMap. */
  readonly namespace: string;
  readonly configMapName: string;
  /** Of the helper pods. */
  readonly serviceAccountName: string;
  readonly client: KubeClient;
  /** The pods of `namespace`, watched. */
  readonly pods: PodStore;
  readonly recorder: Recorder;
  readonly slots: SlotLimit;
  readonly clock: Clock;
  readonly log: Log;
}

/** How one piece of work is to be done: with which settings, for whom its events are, and until when. */
export interface WorkContext {
  readonly settings: Settings;
  /** Of the events; undefined when nobody is left to be told. */
  readonly about: AboutObject | undefined;
  readonly signal: AbortSignal;
}

/** Makes and removes directories by helper pods: waits for a turn, runs the pod, tells of trouble, keeps its log. */
export class HelperWork {
  readonly #deps: HelperWorkDeps;
  readonly #runner: HelperRunner;
  readonly #slots: HelperSlots;
  readonly #created: CreatePods;
  /** Logs being read, by pod name: a pod is deleted only after its log. */
  readonly #logs = new Map<string, Promise<unknown>>();

  constructor(deps: HelperWorkDeps) {
    this.#deps = deps;
    this.#runner = new HelperRunner(deps);
    this.#slots = new HelperSlots(deps.slots);
    this.#created = new CreatePods(deps.pods);
  }

  /** The create pods of a volume that are on the cluster. */
  createPodsOf(volumeName: string): { readonly pod: Pod; readonly record: HelperRecord }[] {
    return this.#created.of(volumeName);
  }

  /** The volumes that have one. */
  volumesWithCreatePods(): Iterable<string> {
    return this.#created.volumes();
  }

  /** Makes a directory. The pod stays, succeeded, as the record of it. `lost` is called when something may have been made and no pod is left to tell. */
  async create(task: HelperTask, context: WorkContext, lost: () => void): Promise<void> {
    const { volumeName, node, path } = task;
    const { signal } = context;
    try {
      const pod = helperPod(task, this.#around(context));
      const end = await this.#slots.take("create", node, signal);
      try {
        this.tellLog(await this.#run(pod, context, lost));
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

  /** Removes a directory and then the pod that did it. */
  async tearDown(task: HelperTask, context: WorkContext): Promise<void> {
    const { volumeName, node, path } = task;
    const { log } = this.#deps;
    log.info(`Deleting volume ${volumeName} at ${placeText(node, path)}`, { volume: volumeName, node, path });
    const pod = helperPod(task, this.#around(context));
    const end = await this.#slots.take("delete", node, context.signal);
    let ended: Pod;
    try {
      ended = await this.#run(pod, context, () => undefined);
    } finally {
      end();
    }
    log.info(`Volume ${volumeName} has been deleted on ${placeText(node, path)}`, { volume: volumeName, node, path });
    await this.#runner.printLog(ended);
    await this.#runner.remove(ended);
  }

  /** Writes a pod's log into ours, behind the caller's back: only the pod's removal waits for it. */
  tellLog(pod: Pod): void {
    const name = pod.metadata?.name ?? "";
    const telling = this.#runner.printLog(pod).finally(() => this.#logs.delete(name));
    this.#logs.set(name, telling);
  }

  /** Deletes the create pods of a volume, which has a PersistentVolume or no directory now. Never rejects. */
  async removeCreatePods(volumeName: string): Promise<void> {
    for (const { pod } of this.#created.of(volumeName)) await this.remove(pod);
  }

  /** Deletes a pod after its log has been read. Never rejects. */
  async remove(pod: Pod, options: { readonly force?: boolean } = {}): Promise<void> {
    await this.#logs.get(pod.metadata?.name ?? "");
    await this.#runner.remove(pod, options);
  }

  /** Deletes a pod and waits until it cannot run any more. */
  async removeAndWait(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#runner.removeAndWait(pod, signal);
  }

  #around({ settings }: WorkContext): Parameters<typeof helperPod>[1] {
    const { namespace, configMapName, serviceAccountName } = this.#deps;
    return { template: settings.template, config: settings.config, namespace, configMapName, serviceAccountName };
  }

  #run(pod: Pod, { settings, about, signal }: WorkContext, lost: () => void): Promise<Pod> {
    const { log, recorder } = this.#deps;
    return this.#runner.run({
      pod,
      lost,
      signal,
      timeoutSeconds: settings.config.cmdTimeoutSeconds,
      report: (message) => {
        log.warn("a helper pod does not get on", { pod: pod.metadata?.name, why: message });
        if (about !== undefined) recorder.record(about, { type: "Warning", reason: EVENT_HELPER_STUCK, message });
      },
    });
  }
}

/** `<node>:<path>`, or the path alone where no node is named: as in the original's log lines. */
export function placeText(node: string, path: string): string {
  return node === "" ? path : `${node}:${path}`;
}

/** Puts the original's words before an error, once, and keeps its code, advice and what it says about retries. */
export function wrapped(row: "CREATE_FAILED" | "DELETE_FAILED", volume: string, cause: unknown): CodedError {
  const outer = classicErrors[row]({ volume, why: messageOf(cause) }, { cause });
  if (!(cause instanceof CodedError)) return outer;
  return new CodedError(cause.code, { retry: cause.retry, advice: cause.advice }, outer.message, { cause });
}
