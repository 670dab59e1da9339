import type { Node, Pod } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { claimKeysOf } from "../../provision/indexes.ts";
import { whyUnfit as whyPodUnfit } from "../../place/fits.ts";
import type { MoveSnapshot, NodeView, TargetChoice } from "../plan/snapshot.ts";
import { whyUnfit } from "../plan/target.ts";
import type { MoveSources } from "./sources.ts";

/**
 * Where a move that names no target may go: of the nodes that can take the volumes and the pods,
 * the one whose disk has the most room. When none can, why each cannot.
 */
export function chooseTarget(
  snapshot: Omit<MoveSnapshot, "others">,
  sources: MoveSources,
  pods: readonly Stored<Pod>[],
  view: (node: string) => NodeView,
  now: number,
): TargetChoice {
  const none: string[] = [];
  const fitting: { readonly node: string; readonly free: number }[] = [];
  for (const node of sources.nodes.store.list()) {
    const name = nameOf(node);
    if (name === snapshot.source.name) continue;
    const candidate = view(name);
    const why = whyUnfit(snapshot, candidate, now) ?? whyPodsUnfit(snapshot, sources, pods, node);
    if (why === undefined) fitting.push({ node: name, free: freeOn(candidate) });
    else none.push(`${name}: ${why}`);
  }
  const best = fitting.toSorted((a, b) => b.free - a.free || (a.node < b.node ? -1 : 1))[0];
  return best === undefined ? { none } : { node: best.node };
}

function whyPodsUnfit(
  { volumes }: Pick<MoveSnapshot, "volumes">,
  { claims, persistentVolumes }: MoveSources,
  pods: readonly Stored<Pod>[],
  node: Stored<Node>,
): string | undefined {
  const moving = new Set(volumes.map(({ name }) => name));
  for (const pod of pods) {
    const others = claimKeysOf(pod).flatMap((claim) => {
      const name = claims.store.get(claim)?.spec?.volumeName;
      return name === undefined || moving.has(name) ? [] : (persistentVolumes.store.get(name) ?? []);
    });
    const why = whyPodUnfit(pod, node, others);
    if (why !== undefined) return `${why} (pod ${nameOf(pod)})`;
  }
  return undefined;
}

function freeOn({ storage }: NodeView): number {
  return Math.max(0, ...(storage?.status?.pools ?? []).map(({ availableBytes }) => availableBytes ?? 0));
}
