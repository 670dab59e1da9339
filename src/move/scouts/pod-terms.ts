import type { Pod } from "../../kube/kinds.ts";
import { namespaceOf, type Stored } from "../../kube/objects.ts";

/** A term of pod affinity or anti-affinity. */
export interface PodTerm {
  readonly topologyKey: string;
  readonly labelSelector?: LabelSelector;
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: LabelSelector;
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/**
 * Whether a term of `pod` matches `other`. The labels of namespaces are not known here, so a
 * namespaceSelector counts only when it selects all namespaces.
 */
export function isMeant(term: PodTerm, pod: Stored<Pod>, other: Stored<Pod>): boolean {
  const { labelSelector, namespaceSelector, namespaces = [] } = term;
  const where = namespaceOf(other) ?? "default";
  const own = namespaces.length === 0 && namespaceSelector === undefined;
  const isThere = own
    ? where === (namespaceOf(pod) ?? "default")
    : namespaces.includes(where) || isAll(namespaceSelector);
  return isThere && selects(labelSelector, other.metadata.labels);
}

/** Whether the pods that a term matches can be known here. */
export function isReadable({ namespaceSelector }: PodTerm): boolean {
  return namespaceSelector === undefined || isAll(namespaceSelector);
}

function isAll(selector: LabelSelector | undefined): boolean {
  if (selector === undefined) return false;
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
}

/** Whether a selector selects these labels. None selects nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Readonly<Record<string, string>> = {}): boolean {
  if (selector === undefined) return false;
  const { matchExpressions = [], matchLabels = {} } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === "In") return value !== undefined && values.includes(value);
      if (operator === "NotIn") return value === undefined || !values.includes(value);
      return operator === "Exists" ? value !== undefined : value === undefined;
    })
  );
}
