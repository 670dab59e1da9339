/*
 * The affinity of a scout. It is the affinity of the pods that the scout represents, rewritten so
 * that it means the same for a pod in our namespace.
 *
 *   node affinity            unchanged; a pinned scout may also go only to its candidates, and
 *                            prefers the one that already has a part of the volumes
 *   pod (anti-)affinity      a term without namespaces means the pod's own, so it is written in
 *   terms that match one of  left out: the scout would see the pod itself, still on its old node.
 *   the moving pods          src/move/scouts/neighbours.ts checks them, without that pod
 */
import type { Pod } from "../../kube/kinds.ts";
import { namespaceOf, type Stored } from "../../kube/objects.ts";
import { HOSTNAME_LABEL } from "../../api/names.ts";
import { isMeant, type PodTerm } from "./pod-terms.ts";

type Affinity = NonNullable<NonNullable<Pod["spec"]>["affinity"]>;
type NodeTerm = NonNullable<
  NonNullable<Affinity["nodeAffinity"]>["requiredDuringSchedulingIgnoredDuringExecution"]
>["nodeSelectorTerms"][number];
type Terms = readonly NodeTerm[];

/** The nodes to which a scout may go: only these, or all except these. */
export type Reach = { readonly only: readonly string[] } | { readonly allBut: readonly string[] };

/**
 * The lowest possible weight, so that a preference of the pods for other nodes counts at least as
 * much. If the pods prefer no node, the scheduler scales this weight up: the preferred node gets
 * all points for node affinity (twice those for free CPU and memory).
 */
const PREFERENCE_WEIGHT = 1;

/** @param preferredNode The node that the scout prefers, with the lowest weight. */
export function scoutAffinity(pods: readonly Stored<Pod>[], reach: Reach, preferredNode?: string): Affinity {
  const affinities = pods.map((pod) => ({ pod, affinity: pod.spec?.affinity ?? {} }));
  const nodes = affinities.flatMap(({ affinity }) => affinity.nodeAffinity ?? []);
  const alternatives: readonly Terms[] = nodes.flatMap((one) => {
    const terms = one.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
    return terms === undefined ? [] : [terms];
  });
  const terms = [...alternatives, ...reachable(reach)].reduce(both, [{}]).filter((term) => !isEmpty(term));
  const nodeAffinity = {
    ...(terms.length === 0
      ? {}
      : { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [...terms] } }),
    ...preferred([
      ...nodes.flatMap((one) => one.preferredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(preferredNode === undefined
        ? []
        : [{ weight: PREFERENCE_WEIGHT, preference: { matchFields: [named("In", preferredNode)] } }]),
    ]),
  };
  const together = affinities.map(({ affinity, pod }) => termsOf(affinity.podAffinity, pod, pods, false));
  const apart = affinities.map(({ affinity, pod }) => termsOf(affinity.podAntiAffinity, pod, pods, true));
  return { nodeAffinity, podAffinity: merged(together), podAntiAffinity: merged(apart) };
}

function reachable(reach: Reach): readonly Terms[] {
  // Validation allows one value in a field requirement.
  if ("only" in reach) return [reach.only.map((node) => ({ matchFields: [named("In", node)] }))];
  if (reach.allBut.length === 0) return [];
  return [[{ matchFields: reach.allBut.map((node) => named("NotIn", node)) }]];
}

function named(operator: "In" | "NotIn", node: string) {
  return { key: "metadata.name", operator, values: [node] };
}

/**
 * Terms that are true where both lists are true. The terms of a list are alternatives. An empty
 * term matches no node.
 */
function both(a: Terms, b: Terms): Terms {
  return a.flatMap((one) =>
    b.flatMap((other) => {
      if (isEmpty(other)) return [];
      const matchExpressions = [...(one.matchExpressions ?? []), ...(other.matchExpressions ?? [])];
      const matchFields = [...(one.matchFields ?? []), ...(other.matchFields ?? [])];
      return {
        ...(matchExpressions.length === 0 ? {} : { matchExpressions }),
        ...(matchFields.length === 0 ? {} : { matchFields }),
      };
    }),
  );
}

function isEmpty({ matchExpressions = [], matchFields = [] }: NodeTerm): boolean {
  return matchExpressions.length + matchFields.length === 0;
}

interface PodTerms {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodTerm[];
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
    readonly weight: number;
    readonly podAffinityTerm: PodTerm;
  }[];
}

function termsOf(affinity: PodTerms | undefined, pod: Stored<Pod>, moving: readonly Stored<Pod>[], isAnti: boolean) {
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const preferredTerms = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  // A scout never goes to the node of the moving pods, so anti-affinity by hostname is safe.
  const misled = (term: PodTerm): boolean =>
    !(isAnti && term.topologyKey === HOSTNAME_LABEL) && moving.some((other) => isMeant(term, pod, other));
  return {
    required: required.filter((term) => !misled(term)).map((term) => written(term, pod)),
    preferred: preferredTerms.map(({ weight, podAffinityTerm }) => ({
      weight,
      podAffinityTerm: written(podAffinityTerm, pod),
    })),
  };
}

/**
 * A term with its namespaces. matchLabelKeys is removed: the API server has already written its
 * meaning into the selector, with the labels of the pod, which the scout does not have.
 */
function written(term: PodTerm, pod: Stored<Pod>): PodTerm {
  const { matchLabelKeys: _match, mismatchLabelKeys: _mismatch, ...rest } = term;
  const { namespaces = [], namespaceSelector } = rest;
  if (namespaces.length > 0 || namespaceSelector !== undefined) return rest;
  return { ...rest, namespaces: [namespaceOf(pod) ?? "default"] };
}

function merged(all: readonly ReturnType<typeof termsOf>[]) {
  const required = all.flatMap((one) => one.required);
  return {
    ...(required.length === 0 ? {} : { requiredDuringSchedulingIgnoredDuringExecution: [...required] as never }),
    ...preferred(all.flatMap((one) => one.preferred)),
  };
}

function preferred<T>(terms: readonly T[]) {
  return terms.length === 0 ? {} : { preferredDuringSchedulingIgnoredDuringExecution: [...terms] as never };
}
