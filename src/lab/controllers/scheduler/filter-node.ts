import type { ContainerPort, Pod } from "kubernetes-types/core/v1.js";
import { matchesNodeSelector } from "../../matching/node-selector.ts";
import { UNSCHEDULABLE_TAINT, tolerates, untolerated } from "../../matching/tolerations.ts";
import type { NodeInfo } from "./node-info.ts";
import { requestsOf } from "./resources.ts";
import { insufficient, REASONS, type Rejection } from "./words.ts";

/** Prepares for a pod once, and then checks each node; undefined: the node fits. */
export type Filter = (pod: Pod, nodes: readonly NodeInfo[]) => (node: NodeInfo) => Rejection | undefined;

export const nodeUnschedulable: Filter = (pod) => {
  const taint = { key: UNSCHEDULABLE_TAINT, effect: "NoSchedule" };
  const tolerated = (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint));
  return ({ node }) =>
    node?.spec?.unschedulable === true && !tolerated
      ? { plugin: "NodeUnschedulable", reasons: [REASONS.unschedulable], final: true }
      : undefined;
};

export const taints: Filter = (pod) => (info) =>
  untolerated(info.node?.spec?.taints ?? [], pod.spec?.tolerations, ["NoSchedule", "NoExecute"]) === undefined
    ? undefined
    : { plugin: "TaintToleration", reasons: [REASONS.taints], final: true };

/** Whether a node has what the pod's nodeSelector and required node affinity want. */
export function wantsNode(pod: Pod, info: NodeInfo): boolean {
  const { nodeSelector = {}, affinity } = pod.spec ?? {};
  if (Object.entries(nodeSelector).some(([key, value]) => info.labels[key] !== value)) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || (info.node !== undefined && matchesNodeSelector(required, info.node));
}

export const nodeAffinity: Filter = (pod) => (info) =>
  wantsNode(pod, info) ? undefined : { plugin: "NodeAffinity", reasons: [REASONS.nodeAffinity], final: true };

export const ports: Filter = (pod) => {
  const wanted = hostPorts(pod);
  return (info) =>
    wanted.length > 0 && info.pods.some((other) => hostPorts(other).some((port) => wanted.some((w) => clash(w, port))))
      ? { plugin: "NodePorts", reasons: [REASONS.ports], final: false }
      : undefined;
};

function hostPorts(pod: Pod): readonly ContainerPort[] {
  return (pod.spec?.containers ?? []).flatMap(({ ports: all = [] }) =>
    all.filter(({ hostPort }) => hostPort !== undefined && hostPort > 0),
  );
}

function clash(a: ContainerPort, b: ContainerPort): boolean {
  const any = (ip: string | undefined): boolean => ip === undefined || ip === "" || ip === "0.0.0.0";
  const sameAddress = any(a.hostIP) || any(b.hostIP) || a.hostIP === b.hostIP;
  return a.hostPort === b.hostPort && (a.protocol ?? "TCP") === (b.protocol ?? "TCP") && sameAddress;
}

export const resources: Filter = (pod) => {
  const wanted = requestsOf(pod);
  return (info) => {
    const short: string[] = [];
    let final = false;
    const room = info.allocatable.get("pods");
    if (room !== undefined && BigInt(info.podCount + 1) * 1_000_000_000n > room) short.push(REASONS.pods);
    for (const [name, amount] of wanted) {
      const has = info.allocatable.get(name) ?? 0n;
      if (amount === 0n || amount <= has - (info.requested.get(name) ?? 0n)) continue;
      short.push(insufficient(name));
      final ||= amount > has;
    }
    return short.length === 0 ? undefined : { plugin: "NodeResourcesFit", reasons: short, final };
  };
};
