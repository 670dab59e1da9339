import type {
  Node,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PersistentVolume,
} from "kubernetes-types/core/v1.js";

type Labels = Readonly<Record<string, string>>;

/**
 * Whether a node satisfies a node selector: terms are alternatives, a term's requirements must all
 * hold, an empty term matches nothing.
 */
export function matchesNodeSelector(selector: NodeSelector, node: Node): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  const names: Labels = { "metadata.name": node.metadata?.name ?? "" };
  return (
    expressions.every((requirement) => holds(requirement, node.metadata?.labels ?? {})) &&
    fields.every((requirement) => holds(requirement, names))
  );
}

/**
 * Whether a volume may be used on a node with these labels. Only labels count: the check is made
 * with a node that has nothing else, so that a term with matchFields never matches
 * (component-helpers, storage/volume/helpers.go).
 */
export function volumeFitsLabels(volume: PersistentVolume, labels: Labels | undefined): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  if (required === undefined) return true;
  return matchesNodeSelector(required, { metadata: { labels: { ...labels } } });
}

function holds({ key, operator, values = [] }: NodeSelectorRequirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
    case "Lt": {
      const [bound] = values;
      if (value === undefined || bound === undefined || !isInteger(value) || !isInteger(bound)) return false;
      return operator === "Gt" ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
    default:
      return false;
  }
}

function isInteger(text: string): boolean {
  return /^-?\d+$/.test(text);
}
