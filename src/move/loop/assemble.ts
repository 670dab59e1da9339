/*
 * Makes the snapshot from which a move is planned, out of the caches and the objects that were read
 * from the API server. Pure: read-snapshot.ts does the reading.
 */
import { copyNameOf } from "../../api/copy-name.ts";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Node, Pod } from "../../kube/kinds.ts";
import { isLeaving } from "../../kube/nodes.ts";
import type { Stored } from "../../kube/objects.ts";
import { bytes } from "../../kube/quantity.ts";
import { labelsAreSet } from "../../movable/labels/loop.ts";
import { podsOfVolume, volumesOfPod } from "../../movable/pod-volumes.ts";
import { volumesMoving } from "../drains/earlier-moves.ts";
import { usersOf } from "../drains/stays.ts";
import { isStranded } from "../drains/stranded.ts";
import { tiesOf } from "../drains/ties.ts";
import type { MoveSnapshot, NodeView } from "../plan/snapshot.ts";
import { notThere } from "../plan/target/begun-copies.ts";
import { chooseTarget, findCandidates, type Candidates } from "./choose-target.ts";
import type { MoveCaches } from "./sources.ts";
import { isArriving, nodeView, podView } from "./views.ts";

/** The objects that were read from the API server. A part that is missing was not read. */
export interface Fresh {
  readonly nodes?: {
    readonly names: ReadonlySet<string>;
    readonly nodes: ReadonlyMap<string, Stored<Node>>;
    readonly storage: ReadonlyMap<string, Stored<StorageNode>>;
  };
  readonly pods?: readonly Stored<Pod>[];
  readonly volumes?: ReadonlyMap<string, Stored<LocalVolume>>;
  readonly copies?: ReadonlyMap<string, Stored<VolumeCopy>>;
  readonly move?: { readonly found: Stored<VolumeMove> | undefined };
}

/**
 * A snapshot without the other moves. They are added right before the plan is made, so that a place
 * in the line counts as soon as another move has taken it.
 */
export type ReadSnapshot = Omit<MoveSnapshot, "others"> & {
  /** The possible targets. Unset: the move has a target, or its spec names one. */
  readonly candidates?: Candidates;
};

/** Facts about a move that are not in its objects. */
export interface Beside {
  readonly parts: MoveSnapshot["fresh"];
  readonly evictions: MoveSnapshot["evictions"];
  readonly askedAt: number | undefined;
  readonly notedAt: number | undefined;
  /** The wall clock, in milliseconds. */
  readonly now: number;
}

/** The snapshot of a move. */
export function assemble(
  sources: MoveCaches,
  move: Stored<VolumeMove>,
  fresh: Fresh,
  { askedAt, evictions, notedAt, now, parts }: Beside,
): ReadSnapshot {
  const names = [...new Set(move.spec.volumes.map((volume) => volume.name))].toSorted();
  const { from } = move.spec;
  const target = move.status?.target ?? move.spec.to;
  const volumeNamed = (volume: string) =>
    fresh.volumes === undefined ? sources.volumes.store.get(volume) : fresh.volumes.get(volume);
  const copyNamed = (volume: string, node: string | undefined) => {
    if (node === undefined) return undefined;
    const copy = copyNameOf(volume, node);
    return fresh.copies === undefined ? sources.copies.store.get(copy) : fresh.copies.get(copy);
  };
  const view = (node: string): NodeView => viewOfNode(sources, fresh, move, node);
  const pods = podsOf(sources, names, fresh.pods);
  const base = {
    move,
    fresh: parts,
    pods: pods.map(({ pod, volumes }) => podView(pod, volumes, move.spec.reason === "Drain")),
    apart: apartOf(sources, names, from, pods),
    ties: tiesAt(sources, names, from),
    source: view(from),
    holders: new Map(sources.moves.store.list().map(({ metadata }) => [metadata.uid, metadata.name] as const)),
    evictions,
    askedAt: pods.some(({ pod }) => isStranded(pod)) ? now : askedAt,
    notedAt,
  };
  const volumesWith = (node: string | undefined) =>
    names.map((volume) => {
      const stored = volumeNamed(volume);
      const pending = stored !== undefined && !labelsAreSet(sources.nodes, stored);
      return {
        name: volume,
        volume: stored,
        sourceCopy: copyNamed(volume, from),
        targetCopy: copyNamed(volume, node),
        labelsPending: pending ? `those of volume ${volume} are being set` : undefined,
      };
    });
  if (target !== undefined) {
    const choice = { node: target };
    return { ...base, volumes: volumesWith(target), target: view(target), choice };
  }
  const without = { ...base, volumes: volumesWith(undefined), target: undefined, choice: { none: [] } };
  const candidates = findCandidates(
    without,
    sources,
    pods.map(({ pod }) => pod),
    view,
    now,
  );
  const choice = chooseTarget(move, candidates, sources.answers);
  if (!("node" in choice)) return { ...without, choice, candidates };
  return { ...base, volumes: volumesWith(choice.node), target: view(choice.node), choice, candidates };
}

function podsOf(sources: MoveCaches, names: readonly string[], fresh: readonly Stored<Pod>[] | undefined) {
  const known = (): Set<Stored<Pod>> => new Set(names.flatMap((name) => podsOfVolume(sources, name)));
  return [...(fresh ?? known())].flatMap((pod) => {
    const volumes = volumesOfPod(sources, pod);
    return volumes.some((volume) => names.includes(volume)) ? [{ pod, volumes }] : [];
  });
}

/** The ties of the move's volumes on the source. */
function tiesAt(sources: MoveCaches, names: readonly string[], from: string): MoveSnapshot["ties"] {
  const users = usersOf(sources, sources.volumes.store.byIndex("byNode", from));
  return tiesOf(users).filter(({ volumes }) => volumes.some((name) => names.includes(name)));
}

/** Other volumes of the pods that are not on the source. */
function apartOf(
  { moves, nodes, volumes: store }: MoveCaches,
  names: readonly string[],
  from: string,
  pods: readonly { readonly volumes: readonly string[] }[],
): MoveSnapshot["apart"] {
  const wanted = volumesMoving(moves.store.list());
  const others = new Set(pods.flatMap(({ volumes }) => volumes).filter((name) => !names.includes(name)));
  return [...others].toSorted().flatMap((name) => {
    const spec = store.store.get(name)?.spec;
    if (spec === undefined || spec.nodeName === from) return [];
    const node = nodes.store.get(spec.nodeName);
    const move = spec.activeMove !== undefined ? "holds" : wanted.has(name) ? "wants" : undefined;
    return [{ name, nodeName: spec.nodeName, leaving: node !== undefined && isLeaving(node), move }];
  });
}

function viewOfNode(sources: MoveCaches, fresh: Fresh, move: Stored<VolumeMove>, name: string): NodeView {
  // A fresh read takes precedence over the cache, even if it found no such Node. A target that is
  // only being chosen was not read.
  const read = fresh.nodes?.names.has(name) === true ? fresh.nodes : undefined;
  const node = read === undefined ? sources.nodes.store.get(name) : read.nodes.get(name);
  const storage = read === undefined ? sources.storageNodes.store.get(name) : read.storage.get(name);
  const arriving = new Map<string, bigint>();
  for (const other of sources.moves.store.list()) {
    if (other.metadata.uid === move.metadata.uid || other.status?.target !== name || !isArriving(other)) continue;
    for (const { name: volume } of other.spec.volumes) {
      const spec = sources.volumes.store.get(volume)?.spec;
      if (spec === undefined) continue;
      const room = notThere(bytes(spec.capacity), sources.copies.store.get(copyNameOf(volume, name)), spec);
      arriving.set(spec.pool, (arriving.get(spec.pool) ?? 0n) + room);
    }
  }
  return nodeView({ name, node, storage, pools: sources.pools.store.list(), arriving });
}
