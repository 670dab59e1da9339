import { DRIVER } from "../../api/names.ts";
import { copyNameOf } from "../../api/copy-name.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Node, Pod } from "../../kube/kinds.ts";
import { claimsOfVolume } from "../../movable/pod-volumes.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { claimKeysOf } from "../../provision/indexes.ts";
import { whyUnfit as whyPodUnfit } from "../../provision/claims/fits.ts";
import type { MoveSnapshot, NodeView, TargetChoice } from "../plan/snapshot.ts";
import { bytesBegun } from "../plan/target/begun-copies.ts";
import { whyUnfit } from "../plan/target/target.ts";
import { neighboursOf, staying, type Check } from "../scouts/neighbours.ts";
import type { Answers } from "../scouts/answers.ts";
import type { Ask } from "../scouts/scout.ts";
import type { MoveCaches } from "./sources.ts";

/** The possible targets of a move, before the scheduler is asked. */
export interface Candidates {
  /** The pods that must run on the target. */
  readonly pods: readonly Stored<Pod>[];
  /** Nodes that can take the volumes and, by Mooring's own rules, the pods. The best is first. */
  readonly fitting: readonly string[];
  /** The fitting node to which an earlier move has brought a part of the volumes. */
  readonly begun: string | undefined;
  /** A reason for each node that cannot. */
  readonly none: readonly string[];
}

/** Limits the size of a scout's pod, which names each candidate. */
const MOST_ASKED = 200;

/**
 * The possible targets of a move whose spec names none. The node that has a part of the volumes
 * from an earlier move is first, then the node whose disk has the most room.
 *
 * Volumes that no pod uses now go to the node to which others of their namespace went from the same
 * source, while it has room. Otherwise a pod that later uses several of them could not run.
 */
export function findCandidates(
  snapshot: Omit<MoveSnapshot, "others">,
  sources: MoveCaches,
  users: readonly Stored<Pod>[],
  view: (node: string) => NodeView,
  now: number,
): Candidates {
  // A pod that is finished runs nowhere again, and its other volumes tie nothing.
  const pods = users.filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
  const none: string[] = [];
  const fitting: Fitting[] = [];
  const checks = checksOf(sources, pods);
  const neighbours = pods.length === 0 ? targetsOfNeighbours(snapshot, sources) : new Set<string>();
  for (const node of sources.nodes.store.list()) {
    const name = nameOf(node);
    if (name === snapshot.source.name) continue;
    const candidate = view(name);
    const copyOn = (volume: string): VolumeCopy | undefined => sources.copies.store.get(copyNameOf(volume, name));
    const why = whyUnfit(snapshot, candidate, now, copyOn) ?? whyPodsUnfit(snapshot, sources, pods, node, checks);
    if (why !== undefined) {
      none.push(`${name}: ${why}`);
      continue;
    }
    const begun = bytesBegun(snapshot, candidate, copyOn);
    fitting.push({ node: name, free: freeOn(candidate), begun, together: neighbours.has(name) });
  }
  const best = fitting.toSorted(
    (a, b) => Number(b.together) - Number(a.together) || hasMore(a, b) || b.free - a.free || (a.node < b.node ? -1 : 1),
  );
  const [most] = fitting.filter(({ begun }) => begun !== undefined).toSorted(hasMore);
  return { pods: toAskFor(pods), fitting: best.map(({ node }) => node), begun: most?.node, none };
}

interface Fitting {
  readonly node: string;
  readonly free: number;
  readonly together: boolean;
  /** Bytes of the volumes that are there. Undefined: none are. */
  readonly begun: number | undefined;
}

/** Sorts the node first that has the most bytes of the volumes. */
function hasMore(a: Fitting, b: Fitting): number {
  return (b.begun ?? -1) - (a.begun ?? -1);
}

/** The question for the scheduler about the candidates. Undefined: it is not asked. */
export function askFor(move: Stored<VolumeMove>, { begun, fitting, pods }: Candidates): Ask | undefined {
  if (pods.length === 0 || fitting.length === 0) return undefined;
  return { move, pods, nodes: fitting.slice(0, MOST_ASKED).toSorted(), preferred: begun };
}

/**
 * The target: the scheduler's choice among the candidates. If no pod runs, or the scheduler cannot
 * be asked, it is the first of them.
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
      return { none: [...none, `${fitting.join(", ")}: the scheduler reports: ${answer.words}`] };
    case "unheard":
      return { node: best, unheard: answer.why };
    case undefined:
      return { node: best };
    default:
      return answer satisfies never;
  }
}

/**
 * The pods to ask the scheduler for. A pod that is ending will be made again, so it counts only
 * when no other pod remains.
 */
function toAskFor(pods: readonly Stored<Pod>[]): readonly Stored<Pod>[] {
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return staying.length > 0 ? staying : pods;
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
      const volume = name === undefined ? undefined : persistentVolumes.store.get(name);
      const csi = volume?.spec?.csi;
      return volume === undefined || (csi?.driver === DRIVER && moving.has(csi.volumeHandle)) ? [] : [volume];
    });
    const why = whyPodUnfit(pod, node, others) ?? checks.get(pod)?.(node);
    if (why !== undefined) return `${why} (pod ${nameOf(pod)})`;
  }
  return undefined;
}

/** Checks whether other pods allow the moving pods on a node. */
function checksOf({ nodes, pods: all }: MoveCaches, pods: readonly Stored<Pod>[]): ReadonlyMap<Stored<Pod>, Check> {
  const asked = toAskFor(pods);
  if (asked.length === 0) return new Map();
  const around = { nodes: nodes.store.list(), pods: staying(all.store.list(), pods), companions: asked };
  return new Map(asked.map((pod) => [pod, neighboursOf(pod, around)]));
}

function targetsOfNeighbours({ move }: Pick<MoveSnapshot, "move">, sources: MoveCaches): ReadonlySet<string> {
  const namespacesOf = ({ spec }: VolumeMove): readonly string[] =>
    spec.volumes.flatMap(({ name }) => claimsOfVolume(sources, name).map(({ namespace }) => namespace));
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

/** Bytes that other moves will bring to the node do not count as free, so that drains spread. */
function freeOn({ reserved, storage }: NodeView): number {
  const free = (storage?.status?.pools ?? []).map(
    ({ availableBytes = 0, name }) => availableBytes - Number(reserved.get(name) ?? 0n),
  );
  return Math.max(0, ...free);
}
