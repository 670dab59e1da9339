import type { Pod, PodAffinityTerm, TopologySpreadConstraint } from "kubernetes-types/core/v1.js";
import { matchesLabels } from "../../matching/label-selector.ts";
import { wantsNode, type Filter } from "./filter-node.ts";
import type { NodeInfo } from "./node-info.ts";
import { REASONS, type Rejection } from "./words.ts";

/**
 * Whether `other` is one of the pods that a term of `pod` is about. A namespaceSelector counts as
 * all namespaces.
 */
export function isMeant(term: PodAffinityTerm, pod: Pod, other: Pod): boolean {
  const { namespaces = [], namespaceSelector } = term;
  const own = namespaces.length === 0 && namespaceSelector === undefined;
  const wanted = own ? [pod.metadata?.namespace ?? ""] : namespaces;
  const inNamespace = namespaceSelector !== undefined || wanted.includes(other.metadata?.namespace ?? "");
  return inNamespace && matchesLabels(term.labelSelector, other.metadata?.labels);
}

/** The topology domains (values of the term's key) in which pods that a term means are. */
function domainsWith(term: PodAffinityTerm, pod: Pod, nodes: readonly NodeInfo[]): ReadonlySet<string> {
  const domains = new Set<string>();
  for (const info of nodes) {
    const domain = info.labels[term.topologyKey];
    if (domain === undefined || domains.has(domain)) continue;
    if (info.pods.some((other) => isMeant(term, pod, other))) domains.add(domain);
  }
  return domains;
}

function antiTerms(pod: Pod): readonly PodAffinityTerm[] {
  return pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

export const podAffinity: Filter = (pod, nodes) => {
  const terms = pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const wanted = terms.map((term) => ({ term, domains: domainsWith(term, pod, nodes) }));
  // The first pod of a group with affinity to itself may run anywhere.
  const first =
    terms.length > 0 &&
    wanted.every(({ domains }) => domains.size === 0) &&
    terms.every((term) => isMeant(term, pod, pod));
  const unwanted = antiTerms(pod).map((term) => ({ term, domains: domainsWith(term, pod, nodes) }));
  const others = new Set<string>();
  for (const info of nodes) {
    for (const other of info.pods) {
      for (const term of antiTerms(other)) {
        const domain = info.labels[term.topologyKey];
        if (domain !== undefined && isMeant(term, other, pod)) others.add(`${term.topologyKey}=${domain}`);
      }
    }
  }
  const reject = (reason: string, final: boolean): Rejection => ({
    plugin: "InterPodAffinity",
    reasons: [reason],
    final,
  });
  return ({ labels }) => {
    const misses = wanted.some(({ term, domains }) => {
      const domain = labels[term.topologyKey];
      return domain === undefined || !(first || domains.has(domain));
    });
    if (misses) return reject(REASONS.podAffinity, true);
    if (unwanted.some(({ term, domains }) => domains.has(labels[term.topologyKey] ?? "\0"))) {
      return reject(REASONS.podAntiAffinity, false);
    }
    if (Object.entries(labels).some(([key, value]) => others.has(`${key}=${value}`))) {
      return reject(REASONS.existingAntiAffinity, false);
    }
    return undefined;
  };
};

export const topologySpread: Filter = (pod, nodes) => {
  const constraints = (pod.spec?.topologySpreadConstraints ?? []).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule",
  );
  const counted = constraints.map((constraint) => ({ constraint, counts: countByDomain(pod, constraint, nodes) }));
  return ({ labels }) => {
    for (const { constraint, counts } of counted) {
      const domain = labels[constraint.topologyKey];
      if (domain === undefined) return { plugin: "PodTopologySpread", reasons: [REASONS.spreadLabel], final: true };
      const self = matchesLabels(constraint.labelSelector, pod.metadata?.labels) ? 1 : 0;
      const least = counts.size < (constraint.minDomains ?? 1) ? 0 : Math.min(...counts.values());
      if ((counts.get(domain) ?? 0) + self - least > constraint.maxSkew) {
        return { plugin: "PodTopologySpread", reasons: [REASONS.spread], final: false };
      }
    }
    return undefined;
  };
};

function countByDomain(
  pod: Pod,
  { topologyKey, labelSelector }: TopologySpreadConstraint,
  nodes: readonly NodeInfo[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const info of nodes) {
    const domain = info.labels[topologyKey];
    // nodeAffinityPolicy Honor, nodeTaintsPolicy Ignore: the defaults.
    if (domain === undefined || !wantsNode(pod, info)) continue;
    const here = info.pods.filter(
      (other) =>
        other.metadata?.namespace === pod.metadata?.namespace &&
        other.metadata?.deletionTimestamp === undefined &&
        matchesLabels(labelSelector, other.metadata?.labels),
    ).length;
    counts.set(domain, (counts.get(domain) ?? 0) + here);
  }
  return counts;
}
