import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Node, Pod } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { claimKeysOf } from "../../provision/indexes.ts";
import { whyUnfit as whyPodUnfit } from "../../provision/claims/fits.ts";
import type { MoveSnapshot, NodeView, TargetChoice } from "../plan/snapshot.ts";
import { whyUnfit } from "../plan/target/target.ts";
import type { MoveSources } from "./sources.ts";

/**
 * Where a move that names no target may go: of the nodes that can take the volumes and the pods,
 * the one whose disk has the most room. When none can, why each cannot.
 *
 * Volumes that no pod uses now go where others of their namespace went from the same node, while
 * there is room: a pod that uses several of them could not run otherwise.
 */
export function chooseTarget(
  snapshot: Omit<MoveSnapshot, "others">,
  sources: MoveSources,
  pods: readonly Stored<Pod>[],
  view: (node: string) => NodeView,
  now: number,
): TargetChoice {
  const none: string[] = [];
  const fitting: { readonly node: string; readonly free: number; readonly together: boolean }[] = [];
  const neighbours = pods.length === 0 ? targetsOfNeighbours(snapshot, sources) : new Set<string>();
  for (const node of sources.nodes.store.list()) {
    const name = nameOf(node);
    if (name === snapshot.source.name) continue;
    const candidate = view(name);
    const why = whyUnfit(snapshot, candidate, now) ?? whyPodsUnfit(snapshot, sources, pods, node);
    if (why === undefined) fitting.push({ node: name, free: freeOn(candidate), together: neighbours.has(name) });
    else none.push(`${name}: ${why}`);
  }
  const best = fitting.toSorted(
    (a, b) => Number(b.together) - Number(a.together) || b.free - a.free || (a.node < b.node ? -1 : 1),
  )[0];
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

function targetsOfNeighbours({ move }: Pick<MoveSnapshot, "move">, sources: MoveSources): ReadonlySet<string> {
  const namespacesOf = ({ spec }: VolumeMove): readonly string[] =>
    spec.volumes.flatMap(({ name }) => sources.persistentVolumes.store.get(name)?.spec?.claimRef?.namespace ?? []);
  const own = namespacesOf(move);
  return new Set(
    sources.moves.store.list().flatMap((other) => {
      const { phase, target } = other.status ?? {};
      if (other.metadata.uid === move.metadata.uid || other.spec.from !== move.spec.from) return [];
      if (target === undefined || phase === "Cancelled" || phase === "Undoing") return [];
      return namespacesOf(other).some((namespace) => own.includes(namespace)) ? [target] : [];
    }),
  );
}

/** What other moves bring there is not free any more, so that a drain spreads over the nodes. */
function freeOn({ reserved, storage }: NodeView): number {
  const free = (storage?.status?.pools ?? []).map(
    ({ availableBytes = 0, name }) => availableBytes - Number(reserved.get(name) ?? 0n),
  );
  return Math.max(0, ...free);
}
