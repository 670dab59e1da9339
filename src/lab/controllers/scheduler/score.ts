import type { Pod } from "kubernetes-types/core/v1.js";
import type { Random } from "../../../effects/random.ts";
import { matchesLabels } from "../../matching/label-selector.ts";
import { matchesTerm } from "../../matching/node-selector.ts";
import { untolerated } from "../../matching/tolerations.ts";
import { controllerOf } from "../../objects/owners.ts";
import { isMeant } from "./filter-pods.ts";
import type { NodeInfo } from "./node-info.ts";
import { requestsOf, type Amounts } from "./resources.ts";

/**
 * What a container without requests counts for, as in the real one: so that pods without requests
 * spread too.
 */
const ASSUMED: Amounts = new Map([
  ["cpu", 100_000_000n],
  ["memory", 200n * 1024n * 1024n * 1_000_000_000n],
]);

/**
 * The best of the nodes that fit; among equals one at random. Simpler than the real one: least
 * allocated, preferred affinities by weight, PreferNoSchedule, soft topology spread and the spread
 * of one owner's pods, each on its own scale of about 100.
 */
export function chooseNode(pod: Pod, fitting: readonly NodeInfo[], all: readonly NodeInfo[], random: Random): NodeInfo {
  let best: NodeInfo[] = [];
  let most = -Infinity;
  const mostPreferred = Math.max(1, ...fitting.map((info) => preferredNode(pod, info)));
  for (const info of fitting) {
    const score = scoreOf(pod, info, all) + (100 * preferredNode(pod, info)) / mostPreferred;
    if (score > most) {
      most = score;
      best = [info];
    } else if (score === most) best.push(info);
  }
  const chosen = best[Math.floor(random.float() * best.length)];
  if (chosen === undefined) throw new Error("there is no node to choose from");
  return chosen;
}

function scoreOf(pod: Pod, info: NodeInfo, all: readonly NodeInfo[]): number {
  return (
    leastAllocated(pod, info) +
    preferredPods(pod, info, all) -
    avoided(pod, info) -
    crowd(pod, info) -
    soft(pod, info, all)
  );
}

function leastAllocated(pod: Pod, info: NodeInfo): number {
  const share = (name: string): number => {
    const has = info.allocatable.get(name) ?? 0n;
    if (has === 0n) return 0;
    const used = [...info.pods, pod].reduce((sum, each) => sum + counted(each, name), 0n);
    return used >= has ? 0 : Number(((has - used) * 10_000n) / has) / 100;
  };
  return (share("cpu") + share("memory")) / 2;
}

function counted(pod: Pod, name: string): bigint {
  const asked = requestsOf(pod).get(name) ?? 0n;
  return asked > 0n ? asked : (ASSUMED.get(name) ?? 0n);
}

/** The weights of the node affinity. As in the real scheduler, the highest is scaled to 100. */
function preferredNode(pod: Pod, { node }: NodeInfo): number {
  if (node === undefined) return 0;
  const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const wanted = terms.filter(({ preference }) => matchesTerm(preference, node));
  return wanted.reduce((sum, { weight }) => sum + weight, 0);
}

function avoided(pod: Pod, { node }: NodeInfo): number {
  const taint = untolerated(node?.spec?.taints ?? [], pod.spec?.tolerations, ["PreferNoSchedule"]);
  return taint === undefined ? 0 : 100;
}

function preferredPods(pod: Pod, info: NodeInfo, all: readonly NodeInfo[]): number {
  const near = (key: string): readonly Pod[] =>
    all
      .filter(({ labels }) => labels[key] !== undefined && labels[key] === info.labels[key])
      .flatMap(({ pods }) => pods);
  const sum = (terms: readonly { weight: number; podAffinityTerm: Parameters<typeof isMeant>[0] }[]): number =>
    terms.reduce(
      (total, { weight, podAffinityTerm: term }) =>
        total + weight * near(term.topologyKey).filter((other) => isMeant(term, pod, other)).length,
      0,
    );
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  return (
    sum(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) -
    sum(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
  );
}

/** Pods of the same owner that are there already: the default spread of the real one. */
function crowd(pod: Pod, info: NodeInfo): number {
  const owner = controllerOf(pod)?.uid;
  if (owner === undefined) return 0;
  return 20 * info.pods.filter((other) => controllerOf(other)?.uid === owner).length;
}

function soft(pod: Pod, info: NodeInfo, all: readonly NodeInfo[]): number {
  const constraints = (pod.spec?.topologySpreadConstraints ?? []).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === "ScheduleAnyway",
  );
  let cost = 0;
  for (const { topologyKey, labelSelector } of constraints) {
    const domain = info.labels[topologyKey];
    const near = all.filter(({ labels }) => labels[topologyKey] === domain).flatMap(({ pods }) => pods);
    cost += 10 * near.filter((other) => matchesLabels(labelSelector, other.metadata?.labels)).length;
  }
  return cost;
}
