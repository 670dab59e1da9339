import type { Node, PersistentVolume, Pod } from "../../kube/kinds.ts";

type Requirement = { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined };
interface Term {
  readonly matchExpressions?: readonly Requirement[];
  readonly matchFields?: readonly Requirement[];
}

/**
 * Why a pod cannot run on a node, as part of a sentence; undefined when no check excludes the node.
 * Checked: node selector, required node affinity, taints, and the affinity of other volumes of the
 * pod. Resources, ports and other pods are the scheduler's business.
 */
export function whyUnfit(pod: Pod, node: Node, otherVolumes: readonly PersistentVolume[]): string | undefined {
  const labels = node.metadata?.labels ?? {};
  const selector = Object.entries(pod.spec?.nodeSelector ?? {}).find(([key, value]) => labels[key] !== value);
  if (selector !== undefined) return `the pod selects nodes with ${selector[0]}=${selector[1]}`;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required !== undefined && !matchesAny(required.nodeSelectorTerms, node))
    return "the pod's node affinity excludes it";
  const taint = untolerated(pod, node);
  if (taint !== undefined) return `the pod does not tolerate its taint ${taint.key}`;
  const bound = otherVolumes.find((volume) => !affinityAllows(volume, node));
  return bound === undefined ? undefined : `volume ${bound.metadata?.name ?? ""} of the pod cannot be used there`;
}

/** Whether a pod's node selector and its required node affinity allow a node. */
export function selectsNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (
    Object.entries(pod.spec?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value) &&
    (required === undefined || matchesAny(required.nodeSelectorTerms, node))
  );
}

/** Whether a pod tolerates all taints of a node that keep pods away. */
export function toleratesTaints(pod: Pod, node: Node): boolean {
  return untolerated(pod, node) === undefined;
}

function untolerated(pod: Pod, node: Node): Taint | undefined {
  return node.spec?.taints?.find((one) => one.effect !== "PreferNoSchedule" && !isTolerated(pod, one));
}

/** Whether a volume may be used on a node. */
export function affinityAllows(volume: PersistentVolume, node: Node): boolean {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || matchesAny(terms, node);
}

/** Terms are alternatives; an empty one matches nothing. */
function matchesAny(terms: readonly Term[], node: Node): boolean {
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    const labels = node.metadata?.labels ?? {};
    return (
      matchExpressions.every((one) => holds(one, labels[one.key])) &&
      matchFields.every((one) => one.key === "metadata.name" && holds(one, node.metadata?.name))
    );
  });
}

const WHOLE = /^-?\d+$/;

function holds({ operator, values = [] }: Requirement, value: string | undefined): boolean {
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
      // As the scheduler has it: what is no whole number is neither more nor less.
      const [bound] = values;
      if (value === undefined || bound === undefined || !WHOLE.test(value) || !WHOLE.test(bound)) return false;
      return operator === "Gt" ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
    default:
      return false;
  }
}

interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

function isTolerated(pod: Pod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some(
    ({ effect, key, operator = "Equal", value }) =>
      (effect === undefined || effect === "" || effect === taint.effect) &&
      (key === undefined || key === "" ? operator === "Exists" : key === taint.key) &&
      (operator === "Exists" || (value ?? "") === (taint.value ?? "")),
  );
}
