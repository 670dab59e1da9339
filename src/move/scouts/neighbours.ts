/*
 * Whether other pods allow a pod on a node: the scheduler's rules that a scout cannot express. A
 * scout has no labels of the workload, is in another namespace, and sees the moving pods on their
 * old node.
 *
 *   anti-affinity of others   selects by labels and namespace: a scout has neither of the pod's
 *   topology spread           counts pods of the pod's own namespace, and cannot name another
 *   terms matching a moving   the pod itself, on its old node, would forbid its whole zone, or
 *   pod                       tie the scout to it
 *
 * The moving pods are left out here, because they will not stay on their node. A term that selects
 * namespaces by their labels is left to the scout, because those labels are not watched.
 */
import type { Node, Pod } from "../../kube/kinds.ts";
import { nameOf, namespaceOf, type Stored } from "../../kube/objects.ts";
import { selectsNode, toleratesTaints } from "../../provision/claims/fits.ts";
import { isMeant, isReadable, selects, type PodTerm } from "./pod-terms.ts";

/** The nodes, and the pods on them that stay. */
export interface Around {
  readonly nodes: readonly Stored<Node>[];
  readonly pods: readonly Stored<Pod>[];
  /** The pods that will be on the same node, wherever it is; the pod may be one of them. */
  readonly companions?: readonly Stored<Pod>[];
}

/** Why other pods do not allow the pod on a node. Undefined: they allow it. */
export type Check = (node: Stored<Node>) => string | undefined;

interface Placed {
  readonly pod: Stored<Pod>;
  readonly labels: Readonly<Record<string, string>>;
}

/** The pods that have a node, do not move, and have not ended. */
export function staying(all: readonly Stored<Pod>[], moving: readonly Stored<Pod>[]): readonly Stored<Pod>[] {
  const uids = new Set(moving.map(({ metadata }) => metadata.uid));
  return all.filter(({ metadata, spec, status }) => {
    if (spec?.nodeName === undefined || uids.has(metadata.uid)) return false;
    return status?.phase !== "Succeeded" && status?.phase !== "Failed";
  });
}

/** A check for many nodes: it looks at the other pods only once. */
export function neighboursOf(pod: Stored<Pod>, { nodes, pods, companions = [] }: Around): Check {
  const byName = new Map(nodes.map((node) => [nameOf(node), node]));
  const placed = pods.flatMap((other): readonly Placed[] => {
    const labels = byName.get(other.spec?.nodeName ?? "")?.metadata.labels;
    return labels === undefined ? [] : [{ pod: other, labels }];
  });
  const checks = [
    unwantedBy(pod, placed),
    unwanted(pod, placed),
    missed(pod, placed, companions),
    ...uneven(pod, nodes, placed),
  ];
  return (node) => {
    for (const check of checks) {
      const why = check(node);
      if (why !== undefined) return why;
    }
    return undefined;
  };
}

/** Checks anti-affinity of other pods against this one. */
function unwantedBy(pod: Stored<Pod>, placed: readonly Placed[]): Check {
  const taken = new Map<string, Stored<Pod>>();
  for (const { pod: other, labels } of placed) {
    for (const term of antiTerms(other)) {
      const domain = labels[term.topologyKey];
      if (domain !== undefined && isMeant(term, other, pod)) taken.set(`${term.topologyKey}=${domain}`, other);
    }
  }
  return near(taken, (other, where) => `pod ${nameOf(other)} has anti-affinity to the pod by ${where}`);
}

/** Checks anti-affinity of this pod against others. */
function unwanted(pod: Stored<Pod>, placed: readonly Placed[]): Check {
  const taken = new Map<string, Stored<Pod>>();
  for (const term of antiTerms(pod)) {
    for (const { pod: other, labels } of placed) {
      const domain = labels[term.topologyKey];
      if (domain !== undefined && isMeant(term, pod, other)) taken.set(`${term.topologyKey}=${domain}`, other);
    }
  }
  return near(taken, (other, where) => `the pod has anti-affinity to pod ${nameOf(other)} by ${where}`);
}

function near(taken: ReadonlyMap<string, Stored<Pod>>, say: (other: Stored<Pod>, where: string) => string): Check {
  return ({ metadata }) => {
    if (taken.size === 0) return undefined;
    for (const [key, value] of Object.entries(metadata.labels ?? {})) {
      const other = taken.get(`${key}=${value}`);
      if (other !== undefined) return say(other, key);
    }
    return undefined;
  };
}

/**
 * Checks affinity of this pod to others. The first pod of a group that must be together may go
 * anywhere.
 */
function missed(pod: Stored<Pod>, placed: readonly Placed[], companions: readonly Stored<Pod>[]): Check {
  const all = pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const terms: readonly PodTerm[] = all;
  if (terms.length === 0 || !terms.every(isReadable)) return () => undefined;
  const isWanted = (other: Stored<Pod>): boolean => terms.every((term) => isMeant(term, pod, other));
  if (companions.some((other) => other !== pod && isWanted(other))) return () => undefined;
  const wanted = placed.filter(({ pod: other }) => isWanted(other));
  if (wanted.length === 0 && isWanted(pod)) return () => undefined;
  return ({ metadata: { labels = {} } }) => {
    const term = terms.find(({ topologyKey: key }) => {
      const domain = labels[key];
      return domain === undefined || !wanted.some((one) => one.labels[key] === domain);
    });
    return term === undefined
      ? undefined
      : `the pod has affinity to other pods by ${term.topologyKey}, and none of them is there`;
  };
}

type Spread = NonNullable<NonNullable<Pod["spec"]>["topologySpreadConstraints"]>[number] & {
  readonly matchLabelKeys?: readonly string[];
  readonly nodeTaintsPolicy?: string;
  readonly nodeAffinityPolicy?: string;
};

function uneven(pod: Stored<Pod>, nodes: readonly Stored<Node>[], placed: readonly Placed[]): readonly Check[] {
  const constraints: readonly Spread[] = pod.spec?.topologySpreadConstraints ?? [];
  const hard = constraints.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule");
  const keys = hard.map(({ topologyKey }) => topologyKey);
  return hard.map((constraint): Check => {
    const { maxSkew, minDomains = 1, topologyKey } = constraint;
    const own = pod.metadata.labels ?? {};
    const matches = (labels: Readonly<Record<string, string>> = {}): boolean =>
      selects(constraint.labelSelector, labels) &&
      (constraint.matchLabelKeys ?? []).every((key) => own[key] === undefined || own[key] === labels[key]);
    const counted = nodes.filter((node) => {
      if (!keys.every((key) => node.metadata.labels?.[key] !== undefined)) return false;
      if (constraint.nodeAffinityPolicy !== "Ignore" && !selectsNode(pod, node)) return false;
      return constraint.nodeTaintsPolicy !== "Honor" || toleratesTaints(pod, node);
    });
    const names = new Set(counted.map((node) => nameOf(node)));
    const counts = new Map(counted.map(({ metadata }) => [metadata.labels?.[topologyKey] ?? "", 0]));
    for (const { pod: other, labels } of placed) {
      if (!names.has(other.spec?.nodeName ?? "") || namespaceOf(other) !== namespaceOf(pod)) continue;
      if (other.metadata.deletionTimestamp !== undefined || !matches(other.metadata.labels)) continue;
      const domain = labels[topologyKey] ?? "";
      counts.set(domain, (counts.get(domain) ?? 0) + 1);
    }
    const least = counts.size < minDomains ? 0 : Math.min(...counts.values());
    const self = matches(own) ? 1 : 0;
    return ({ metadata }) => {
      const domain = metadata.labels?.[topologyKey];
      if (domain === undefined)
        return `the pods must be spread by ${topologyKey}, and the node does not have this label`;
      const skew = (counts.get(domain) ?? 0) + self - least;
      return skew > maxSkew ? `the pods would be spread unevenly by ${topologyKey}` : undefined;
    };
  });
}

function antiTerms(pod: Stored<Pod>): readonly PodTerm[] {
  return pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}
