// kube-scheduler: chooses a node for one pod after the other. Binding the volumes and writing the
// binding run concurrently.
//
//   queued ── filtered, scored ──▶ assumed: pod on its node, volumes as planned
//      ▲           │ fits nowhere:     └── volumes bound ──▶ binding written ──▶ Scheduled
//      │           │ FailedScheduling,                           │ refused: FailedScheduling,
//      │ │ PodScheduled=False Unschedulable │ PodScheduled=False SchedulerError
//      └───────────┴─────────────────────────────────────────────┘
//
// * A scheduling decision is synchronous, so it sees one state of the caches. The caches may lag
//   (WatchLag); the decision is then as wrong as the real scheduler's.
// * There is no preemption: messages are those of a preemption that finds no victims.
import { isDeepStrictEqual } from "node:util";
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
  type Node,
  type Pod,
} from "../../../kube/kinds.ts";
import { keyOf, uidOf } from "../../../kube/objects.ts";
import type { Change } from "../../../kube/watch/store.ts";
import { secondsTime } from "../../../kube/timestamps.ts";
import { background } from "../../../observe/background.ts";
import { about } from "../../objects/owners.ts";
import { isTerminal, withCondition } from "../../objects/pods.ts";
import { observed } from "../../objects/status.ts";
import { limitedClient, type Controller, type Process } from "../../process/process.ts";
import { AssumeCache } from "./assume-cache.ts";
import { assumeVolumes, bindVolumes, forgetVolumes } from "./bind-volumes.ts";
import { Cluster } from "./cluster.ts";
import { nodeAffinity, nodeUnschedulable, ports, resources, taints, type Filter } from "./filter-node.ts";
import { podAffinity, topologySpread } from "./filter-pods.ts";
import type { NodeInfo } from "./node-info.ts";
import { planVolumes, podClaims, type PodClaims, type VolumePlan, type VolumeView } from "./pod-volumes.ts";
import { SchedulingQueue, type QueuedPod } from "./queue.ts";
import { chooseNode } from "./score.ts";
import { fitError, REASONS, type Rejection } from "./words.ts";

const NAME = "default-scheduler";
/** kube-scheduler's own defaults. */
const LIMIT = { qps: 50, burst: 100 };
/**
 * In the real one's order; a node is rejected by the first that rejects it. Volumes come after the
 * resources.
 */
const BEFORE_VOLUMES: readonly Filter[] = [nodeUnschedulable, taints, nodeAffinity, ports, resources];
const AFTER_VOLUMES: readonly Filter[] = [topologySpread, podAffinity];

interface Place {
  readonly node: NodeInfo;
  readonly volumes: VolumePlan;
}

export class Scheduler implements Controller {
  readonly #process: Process;
  readonly #client;
  readonly #recorder;
  readonly #queue: SchedulingQueue;
  readonly #cluster = new Cluster();
  readonly #view: VolumeView;
  readonly #podStore;
  readonly #nodeStore;

  /** `oldWords`: says of volumes on other nodes what schedulers before 1.33 said. */
  constructor(process: Process, options: { readonly oldWords?: boolean } = {}) {
    this.#process = process;
    const { client } = limitedClient(process, NAME, LIMIT);
    this.#client = client;
    // Events have a client of their own here.
    this.#recorder = limitedClient(process, NAME, LIMIT).recorder;
    this.#queue = new SchedulingQueue(process.clock);
    const { informers } = process;
    this.#podStore = informers.of(pods).store;
    this.#nodeStore = informers.of(nodes).store;
    const classes = informers.of(storageClasses);
    this.#view = {
      claims: new AssumeCache(informers.of(persistentVolumeClaims).store),
      volumes: new AssumeCache(informers.of(persistentVolumes).store),
      classOf: (name) => classes.store.get(name),
      misfit: options.oldWords === true ? REASONS.volumeAffinityOld : REASONS.volumeAffinity,
    };
    informers.of(pods).onChange((change) => {
      this.#podChanged(change);
    });
    informers.of(nodes).onChange((change) => {
      this.#nodeChanged(change);
    });
    informers.of(persistentVolumes).onChange(({ type }) => {
      if (type !== "deleted") this.#queue.move("volume");
    });
    informers.of(persistentVolumeClaims).onChange(({ type, key }) => {
      if (type !== "deleted") this.#queue.move(`claim ${key}`);
    });
    classes.onChange(({ type }) => {
      if (type !== "deleted") this.#queue.move("class");
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#process.informers.synced(signal);
    } catch {
      return;
    }
    const flushing = this.#queue.flush(signal);
    for (let entry = await this.#queue.pop(signal); entry !== undefined; entry = await this.#queue.pop(signal)) {
      this.#schedule(entry, signal);
    }
    await flushing;
  }

  #podChanged({ type, object, old }: Change<Pod>): void {
    const uid = uidOf(object);
    const { nodeName = "", schedulerName = NAME, schedulingGates = [] } = object.spec ?? {};
    const placed = nodeName !== "" || this.#cluster.isAssumed(uid);
    if (type === "deleted") {
      this.#cluster.remove(uid);
      this.#queue.remove(uid);
      if (placed) this.#queue.move("pod-deleted");
      return;
    }
    this.#cluster.show(object);
    if (nodeName !== "") {
      this.#queue.remove(uid);
      if (isTerminal(object)) this.#queue.move("pod-deleted");
      else if ((old?.spec?.nodeName ?? "") === "") this.#queue.move("pod-added");
      else if (!isDeepStrictEqual(old?.metadata?.labels, object.metadata?.labels)) this.#queue.move("pod-labels");
      return;
    }
    if (placed || schedulerName !== NAME || isTerminal(object)) return;
    if (schedulingGates.length > 0) return;
    if (object.metadata?.deletionTimestamp !== undefined) {
      this.#queue.remove(uid);
    } else if (this.#queue.has(uid)) {
      const same =
        isDeepStrictEqual(old?.spec, object.spec) && isDeepStrictEqual(old?.metadata?.labels, object.metadata?.labels);
      this.#queue.update(object, !same);
    } else if (type === "added" || (old?.spec?.schedulingGates ?? []).length > 0) {
      this.#queue.add(object);
    }
  }

  #nodeChanged({ type, key, object, old }: Change<Node>): void {
    this.#cluster.setNode(key, type === "deleted" ? undefined : object);
    if (type === "added") this.#queue.move("node-added");
    if (type !== "updated") return;
    if (!isDeepStrictEqual(old?.metadata?.labels, object.metadata?.labels)) this.#queue.move("node-labels");
    if (!isDeepStrictEqual(old?.status?.allocatable, object.status?.allocatable)) this.#queue.move("node-allocatable");
    const guard = (node: Node | undefined): unknown => [node?.spec?.taints ?? [], node?.spec?.unschedulable ?? false];
    if (!isDeepStrictEqual(guard(old), guard(object))) this.#queue.move("node-taints");
  }

  #schedule(entry: QueuedPod, signal: AbortSignal): void {
    const { pod } = entry;
    const all = this.#cluster.nodes();
    const claims = podClaims(this.#view, pod);
    if (all.length === 0) {
      this.#failed(entry, "Unschedulable", "no nodes available to schedule pods", new Set(["NodeName"]));
      return;
    }
    if (typeof claims === "string") {
      this.#failed(entry, "Unschedulable", fitError(all.length, claims, []), new Set(["VolumeBinding"]));
      return;
    }
    const { places, rejections } = this.#filter(pod, claims, all);
    if (places.length === 0) {
      const plugins = new Set(rejections.map(({ plugin }) => plugin));
      this.#failed(entry, "Unschedulable", fitError(all.length, undefined, rejections), plugins);
      return;
    }
    const fitting = places.map(({ node }) => node);
    const chosen = chooseNode(pod, fitting, all, this.#process.random);
    const place = places.find(({ node }) => node === chosen);
    if (place === undefined) return;
    this.#cluster.assume(pod, chosen.name);
    void background(this.#process.log, "binding", this.#bind(entry, place, signal));
  }

  #filter(
    pod: Pod,
    claims: PodClaims,
    all: readonly NodeInfo[],
  ): { readonly places: readonly Place[]; readonly rejections: readonly Rejection[] } {
    const first = BEFORE_VOLUMES.map((filter) => filter(pod, all));
    const last = AFTER_VOLUMES.map((filter) => filter(pod, all));
    const places: Place[] = [];
    const rejections: Rejection[] = [];
    const rejectedBy = (checks: readonly ReturnType<Filter>[], node: NodeInfo): Rejection | undefined => {
      for (const check of checks) {
        const rejection = check(node);
        if (rejection !== undefined) return rejection;
      }
      return undefined;
    };
    for (const node of all) {
      const volumes = planVolumes(this.#view, claims, node);
      const rejection =
        rejectedBy(first, node) ??
        ("bindings" in volumes ? undefined : { plugin: "VolumeBinding", reasons: volumes, final: true }) ??
        rejectedBy(last, node);
      if (rejection !== undefined) rejections.push(rejection);
      else if ("bindings" in volumes) places.push({ node, volumes });
    }
    return { places, rejections };
  }

  async #bind(entry: QueuedPod, { node, volumes }: Place, signal: AbortSignal): Promise<void> {
    const { pod } = entry;
    const { name = "", namespace = "" } = pod.metadata ?? {};
    const nodeName = node.name;
    const assumed = assumeVolumes(this.#view, volumes, nodeName);
    try {
      if (assumed.bindings.length + assumed.provisions.length > 0) {
        await this.#bindVolumes(pod, nodeName, assumed, signal);
      }
      await this.#client.kube.request({
        method: "POST",
        path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/binding`,
        body: {
          apiVersion: "v1",
          kind: "Binding",
          metadata: { name, namespace, uid: uidOf(pod) },
          target: { kind: "Node", name: nodeName },
        },
        signal,
      });
    } catch (error) {
      if (signal.aborted) return;
      forgetVolumes(this.#view, assumed);
      this.#cluster.forget(uidOf(pod));
      this.#queue.move("pod-deleted");
      this.#failed(entry, "SchedulerError", error instanceof Error ? error.message : String(error));
      return;
    }
    const message = `Successfully assigned ${namespace}/${name} to ${nodeName}`;
    this.#recorder.record(about(pods, pod), { type: "Normal", reason: "Scheduled", message });
  }

  async #bindVolumes(
    pod: Pod,
    nodeName: string,
    assumed: ReturnType<typeof assumeVolumes>,
    signal: AbortSignal,
  ): Promise<void> {
    const deps = {
      client: this.#client,
      clock: this.#process.clock,
      view: this.#view,
      nodeOf: (node: string) => this.#nodeStore.get(node),
      podExists: (wanted: Pod) => uidOf(this.#podStore.get(keyOf(wanted)) ?? {}) === uidOf(wanted),
    };
    try {
      await bindVolumes(deps, pod, nodeName, assumed, signal);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`running PreBind plugin "VolumeBinding": ${why}`, { cause: error });
    }
  }

  #failed(
    entry: QueuedPod,
    reason: "Unschedulable" | "SchedulerError",
    message: string,
    plugins?: ReadonlySet<string>,
  ): void {
    const now = this.#podStore.get(keyOf(entry.pod));
    if (now === undefined || uidOf(now) !== uidOf(entry.pod) || (now.spec?.nodeName ?? "") !== "") return;
    entry.pod = now;
    if (plugins === undefined) this.#queue.backOff(entry);
    else this.#queue.reject(entry, plugins);
    this.#recorder.record(about(pods, now), { type: "Warning", reason: "FailedScheduling", message });
    void background(this.#process.log, "pod condition", this.#setCondition(now, reason, message));
  }

  async #setCondition(pod: Pod, reason: string, message: string): Promise<void> {
    const known = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
    if (known?.status === "False" && known.reason === reason && known.message === message) return;
    const time = secondsTime(this.#process.clock.now());
    const { name = "", namespace } = pod.metadata ?? {};
    const condition = { type: "PodScheduled", ...observed(pod), status: "False", reason, message };
    const status = { conditions: withCondition(pod.status?.conditions, condition, time) };
    await this.#client.patchMerge(pods, { name, namespace }, { status }, { subresource: "status" });
  }
}
