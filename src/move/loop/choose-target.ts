import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Node, Pod } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { claimKeysOf } from "../../provision/indexes.ts";
import { whyUnfit as whyPodUnfit } from "../../provision/claims/fits.ts";
import type { MoveSnapshot, NodeView, TargetChoice } from "../plan/snapshot.ts";
import { whyUnfit } from "../plan/target/target.ts";
import { neighboursOf, staying, type Check } from "../scouts/neighbours.ts";
import type { Answers } from "../scouts/answers.ts";
import type { Ask } from "../scouts/scout.ts";
import type { MoveCaches } from "./sources.ts";

/** Where the volumes of a move may go, before anybody is asked. */
export interface Candidates {
  /** The pods that have to run there. */
  readonly pods: readonly Stored<Pod>[];
  /** Nodes that can take the volumes and, as far as objects say, the pods; the best first. */
  readonly fitting: readonly string[];
  /** Why each of the others cannot. */
  readonly none: readonly string[];
}

/** A scout's pod names its candidates one by one. */
const MOST_ASKED = 200;

/**
 * The nodes that a move without a named target may go to: the one whose disk has the most room is
 * first.
 *
 * Volumes that no pod uses now go where others of their namespace went from the same node, while
 * there is room: a pod that uses several of them could not run otherwise.
 */
export function findCandidates(
  snapshot: Omit<MoveSnapshot, "others">,
  sources: MoveCaches,
  pods: readonly Stored<Pod>[],
  view: (node: string) => NodeView,
  now: number,
): Candidates {
  const none: string[] = [];
  const fitting: { readonly node: string; readonly free: number; readonly together: boolean }[] = [];
  const checks = checksOf(sources, pods);
  const neighbours = pods.length === 0 ? targetsOfNeighbours(snapshot, sources) : new Set<string>();
  for (const node of sources.nodes.store.list()) {
    const name = nameOf(node);
    if (name === snapshot.source.name) continue;
    const candidate = view(name);
    const why = whyUnfit(snapshot, candidate, now) ?? whyPodsUnfit(snapshot, sources, pods, node, checks);
    if (why === undefined) fitting.push({ node: name, free: freeOn(candidate), together: neighbours.has(name) });
    else none.push(`${name}: ${why}`);
  }
  const best = fitting.toSorted(
    (a, b) => Number(b.together) - Number(a.together) || b.free - a.free || (a.node < b.node ? -1 : 1),
  );
  return { pods: toAskFor(pods), fitting: best.map(({ node }) => node), none };
}

/** What the scheduler is to be asked about the candidates; undefined: nothing. */
export function askFor(move: Stored<VolumeMove>, { fitting, pods }: Candidates): Ask | undefined {
  if (pods.length === 0 || fitting.length === 0) return undefined;
  return { move, pods, nodes: fitting.slice(0, MOST_ASKED).toSorted() };
}

/**
 * The target: the scheduler's choice among the candidates. Where no pod runs, or the scheduler
 * cannot be asked, the one whose disk has the most room.
 */
export function chooseTarget(
  move: Stored<VolumeMove>,
  candidates: Candidates,
  answers: Pick<Answers, "to"> | undefined,
): TargetChoice {
  const { fitting, none } = candidates;
  const [best] = fitting;
  if (best === undefined) return { none };
  const ask = askFor(move, candidates);
  const answer = ask === undefined ? undefined : answers?.to(ask);
  switch (answer?.kind) {
    case "node":
      return { node: answer.node };
    case "waits":
      return { asked: fitting, until: answer.until };
    case "refused":
      return { none: [...none, `${fitting.join(", ")}: the scheduler says: ${answer.words}`] };
    case "unheard":
      return { node: best, unheard: answer.why };
    case undefined:
      return { node: best };
    default:
      return answer satisfies never;
  }
}

/** A pod that ends is made again: it counts only where no other one stands for it. */
function toAskFor(pods: readonly Stored<Pod>[]): readonly Stored<Pod>[] {
  const running = pods.filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
  const staying = running.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return staying.length > 0 ? staying : running;
}

function whyPodsUnfit(
  { volumes }: Pick<MoveSnapshot, "volumes">,
  { claims, persistentVolumes }: MoveCaches,
  pods: readonly Stored<Pod>[],
  node: Stored<Node>,
  checks: ReadonlyMap<Stored<Pod>, Check>,
): string | undefined {
  const moving = new Set(volumes.map(({ name }) => name));
  for (const pod of pods) {
    const others = claimKeysOf(pod).flatMap((claim) => {
      const name = claims.store.get(claim)?.spec?.volumeName;
      return name === undefined || moving.has(name) ? [] : (persistentVolumes.store.get(name) ?? []);
    });
    const why = whyPodUnfit(pod, node, others) ?? checks.get(pod)?.(node);
    if (why !== undefined) return `${why} (pod ${nameOf(pod)})`;
  }
  return undefined;
}

/** What other pods have to say of the pods that will run on the target. */
function checksOf({ nodes, pods: all }: MoveCaches, pods: readonly Stored<Pod>[]): ReadonlyMap<Stored<Pod>, Check> {
  const asked = toAskFor(pods);
  if (asked.length === 0) return new Map();
  const around = { nodes: nodes.store.list(), pods: staying(all.store.list(), pods), companions: asked };
  return new Map(asked.map((pod) => [pod, neighboursOf(pod, around)]));
}

function targetsOfNeighbours({ move }: Pick<MoveSnapshot, "move">, sources: MoveCaches): ReadonlySet<string> {
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
