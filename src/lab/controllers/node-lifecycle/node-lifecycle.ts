// The node lifecycle controller and the taint eviction that goes with it.
//
//   every 5 s, per node:
//     the lease or the Ready condition's heartbeat has changed ─▶ heard of now, by our own clock
//     not heard of for 50 s ─▶ Ready=Unknown
//   taints follow, and are taken off again when it is over:
//     cordoned ─▶ unschedulable:NoSchedule
//     Ready False ─▶ not-ready, Unknown ─▶ unreachable, both NoSchedule and NoExecute
//   pods of a node whose Ready is not True lose their Ready condition
//   pods that do not tolerate a NoExecute taint (for so long) are deleted
//
// Pods without tolerations of their own for not-ready and unreachable get 300 s, which in a real
// cluster admission writes into them.
import { isDeepStrictEqual } from "node:util";
import type { Node, Pod, Taint } from "kubernetes-types/core/v1.js";
import { isConflict, isNotFound } from "../../../kube/errors.ts";
import { leases, nodes, pods } from "../../../kube/kinds.ts";
import { uidOf } from "../../../kube/objects.ts";
import { secondsTime } from "../../../kube/timestamps.ts";
import { tolerates, UNSCHEDULABLE_TAINT } from "../../matching/tolerations.ts";
import { conditionOf, isActive, withCondition } from "../../objects/pods.ts";
import { limitedClient, type Controller, type Process } from "../../process/process.ts";

const PERIOD_MS = 5_000;
const GRACE_MS = 50_000;
const DEFAULT_SECONDS = 300;
const NOT_READY = "node.kubernetes.io/not-ready";
const UNREACHABLE = "node.kubernetes.io/unreachable";
const OURS = [UNSCHEDULABLE_TAINT, NOT_READY, UNREACHABLE];

export class NodeLifecycle implements Controller {
  readonly #process: Process;
  readonly #client;
  readonly #nodes;
  readonly #pods;
  readonly #leases;
  readonly #heard = new Map<string, { readonly sign: string; readonly at: number }>();
  #wake: () => void = () => undefined;

  constructor(process: Process) {
    this.#process = process;
    this.#client = limitedClient(process, "node-controller").client;
    const informer = process.informers.of(nodes);
    this.#nodes = informer.store;
    this.#pods = process.informers.of(pods).store;
    this.#leases = process.informers.of(leases).store;
    informer.onChange(({ object, old }) => {
      // A cordon is tainted at once and not only with the next round.
      if (object.spec?.unschedulable !== old?.spec?.unschedulable) this.#wake();
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, informers } = this.#process;
    await informers.synced(signal).catch(() => undefined);
    while (!signal.aborted) {
      for (const node of this.#nodes.list()) {
        await this.#look(node).catch((error: unknown) => {
          if (signal.aborted || isConflict(error) || isNotFound(error)) return;
          log.warn("node not looked after", { node: node.metadata?.name, err: error });
        });
      }
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(PERIOD_MS, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
        signal.addEventListener("abort", this.#wake, { once: true });
      });
    }
  }

  async #look(node: Node): Promise<void> {
    const ready = this.#readyOf(node);
    const current = node.status?.conditions?.find(({ type }) => type === "Ready")?.status;
    if (ready === "Unknown" && current !== "Unknown") await this.#setUnknown(node);
    await this.#setTaints(node, ready);
    if (ready !== "True") await this.#setPodsNotReady(node);
    await this.#evict(node);
  }

  #readyOf(node: Node): string {
    const name = node.metadata?.name ?? "";
    const condition = node.status?.conditions?.find(({ type }) => type === "Ready");
    const lease = this.#leases.get(`kube-node-lease/${name}`);
    // Both are written by the kubelet alone.
    const sign = `${lease?.spec?.renewTime ?? ""} ${condition?.lastHeartbeatTime ?? ""}`;
    const now = this.#process.clock.monotonic();
    const known = this.#heard.get(name);
    if (known?.sign !== sign) {
      this.#heard.set(name, { sign, at: now });
      return condition?.status ?? "Unknown";
    }
    return now - known.at > GRACE_MS ? "Unknown" : (condition?.status ?? "Unknown");
  }

  async #setUnknown(node: Node): Promise<void> {
    const time = secondsTime(this.#process.clock.now());
    const conditions = (node.status?.conditions ?? []).map((condition) => ({
      ...condition,
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
      lastTransitionTime: time,
    }));
    await this.#client.replace(nodes, { ...node, status: { ...node.status, conditions } }, { subresource: "status" });
  }

  async #setTaints(node: Node, ready: string): Promise<void> {
    const before = node.spec?.taints ?? [];
    const time = secondsTime(this.#process.clock.now());
    const wanted: Taint[] =
      node.spec?.unschedulable === true ? [{ key: UNSCHEDULABLE_TAINT, effect: "NoSchedule" }] : [];
    if (ready !== "True") {
      const key = ready === "Unknown" ? UNREACHABLE : NOT_READY;
      wanted.push({ key, effect: "NoSchedule" }, { key, effect: "NoExecute" });
    }
    const kept = (taint: Taint): Taint =>
      before.find(({ key, effect }) => key === taint.key && effect === taint.effect) ?? { ...taint, timeAdded: time };
    const after = [...before.filter(({ key }) => !OURS.includes(key)), ...wanted.map(kept)];
    if (isDeepStrictEqual(after, before)) return;
    const { resourceVersion } = node.metadata ?? {};
    const body = { metadata: { resourceVersion }, spec: { taints: after } };
    await this.#client.patchMerge(nodes, { name: node.metadata?.name ?? "" }, body);
  }

  async #setPodsNotReady(node: Node): Promise<void> {
    const time = secondsTime(this.#process.clock.now());
    for (const pod of this.#podsOn(node)) {
      if (conditionOf(pod, "Ready")?.status !== "True") continue;
      const conditions = withCondition(
        pod.status?.conditions,
        { type: "Ready", status: "False", reason: "NodeNotReady" },
        time,
      );
      const { name = "", namespace } = pod.metadata ?? {};
      await this.#client.patchMerge(pods, { name, namespace }, { status: { conditions } }, { subresource: "status" });
    }
  }

  async #evict(node: Node): Promise<void> {
    const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
    if (taints.length === 0) return;
    for (const pod of this.#podsOn(node).filter(isActive)) {
      if (!taints.some((taint) => this.#isOver(pod, taint))) continue;
      const { name = "", namespace } = pod.metadata ?? {};
      await this.#client.delete(pods, { name, namespace }, { uid: uidOf(pod) }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
  }

  /** Whether the pod's time under this taint is over. */
  #isOver(pod: Pod, taint: Taint): boolean {
    const matching = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    const defaulted = matching.length === 0 && (taint.key === NOT_READY || taint.key === UNREACHABLE);
    if (matching.length === 0 && !defaulted) return true;
    const seconds = defaulted
      ? [DEFAULT_SECONDS]
      : matching.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
    if (seconds.length === 0) return false;
    const since = taint.timeAdded === undefined ? 0 : Date.parse(taint.timeAdded);
    return this.#process.clock.now() - since >= Math.min(...seconds) * 1000;
  }

  #podsOn(node: Node): readonly Pod[] {
    return this.#pods.list().filter((pod) => pod.spec?.nodeName === node.metadata?.name);
  }
}
