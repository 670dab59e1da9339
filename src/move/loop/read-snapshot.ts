/*
 * Makes the snapshot that a move is planned from: caches, and for the parts that a plan wants fresh
 * the API server, in the order that READ_ORDER gives (the VolumeMove last).
 */
import { copyNameOf } from "../../api/copy-name.ts";
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { storageNodes, type StorageNode } from "../../api/kinds/storage-node.ts";
import { volumeCopies, type VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Clock } from "../../effects/clock.ts";
import { nodes as nodeResource, pods as podResource, type Node, type Pod } from "../../kube/kinds.ts";
import { isLeaving } from "../../kube/nodes.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { bytes } from "../../kube/quantity.ts";
import { labelsAreSet } from "../../movable/labels/loop.ts";
import { KEEPERS_BY_NODE } from "../../movable/keepers/keepers.ts";
import { volumesOfPod } from "../../movable/pod-volumes.ts";
import { READ_ORDER, type EvictionOutcome, type MoveSnapshot, type NodeView, type Part } from "../plan/snapshot.ts";
import { volumesMoving } from "../drains/earlier-moves.ts";
import { isStranded } from "../drains/stranded.ts";
import { chooseTarget } from "./choose-target.ts";
import type { MoveSources } from "./sources.ts";
import { isArriving, nodeView, podView } from "./views.ts";

/** What the loop remembers of a move. */
export interface Remembered {
  readonly evictions: ReadonlyMap<string, EvictionOutcome>;
  readonly notedAt: number | undefined;
}

/** What was read from the API server; a part that is missing was not asked for. */
interface Fresh {
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

/** The other moves are put in when the plan is made: who takes a place has it from that moment. */
export type ReadSnapshot = Omit<MoveSnapshot, "others">;

/** The snapshot of a move; undefined when there is no such move (any more). */
export async function readSnapshot(
  sources: MoveSources,
  clock: Clock,
  name: string,
  parts: ReadonlySet<Part>,
  remembered: Remembered,
  signal: AbortSignal,
): Promise<ReadSnapshot | undefined> {
  const known = sources.moves.store.get(name);
  if (known === undefined) return undefined;
  const fresh = await readFresh(sources, known, parts, signal);
  const move = fresh.move === undefined ? known : fresh.move.found;
  if (move === undefined || move.metadata.uid !== known.metadata.uid) return undefined;
  const now = clock.now();
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
    source: view(from),
    holders: new Map(sources.moves.store.list().map(({ metadata }) => [metadata.uid, metadata.name] as const)),
    evictions: remembered.evictions,
    askedAt: pods.some(({ pod }) => isStranded(pod)) ? now : askedAt(sources, clock, names, from),
    notedAt: remembered.notedAt,
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
  const choice = chooseTarget(
    without,
    sources,
    pods.map(({ pod }) => pod),
    view,
    now,
  );
  if (!("node" in choice)) return { ...without, choice };
  return { ...base, volumes: volumesWith(choice.node), target: view(choice.node), choice };
}

/** Reads the parts from the API server, one after the other. */
async function readFresh(
  sources: MoveSources,
  move: Stored<VolumeMove>,
  parts: ReadonlySet<Part>,
  signal: AbortSignal,
): Promise<Fresh> {
  const { client } = sources;
  const names = [...new Set(move.spec.volumes.map(({ name }) => name))];
  const places = [move.spec.from, move.status?.target ?? move.spec.to].filter((place) => place !== undefined);
  const readers: Readonly<Record<Part, () => Promise<Fresh>>> = {
    nodes: async () => ({
      nodes: {
        names: new Set(places),
        nodes: await findAll(places, (name) => client.find(nodeResource, { name }, { signal })),
        storage: await findAll(places, (name) => client.find(storageNodes, { name }, { signal })),
      },
    }),
    pods: async () => ({ pods: await listPods(sources, names, signal) }),
    volumes: async () => ({ volumes: await findAll(names, (name) => client.find(localVolumes, { name }, { signal })) }),
    copies: async () => {
      const copies = names.flatMap((volume) => places.map((place) => copyNameOf(volume, place)));
      return { copies: await findAll(copies, (name) => client.find(volumeCopies, { name }, { signal })) };
    },
    move: async () => ({ move: { found: await client.find(volumeMoves, { name: nameOf(move) }, { signal }) } }),
  };
  let fresh: Fresh = {};
  for (const part of READ_ORDER) if (parts.has(part)) fresh = { ...fresh, ...(await readers[part]()) };
  return fresh;
}

async function findAll<T>(
  names: readonly string[],
  find: (name: string) => Promise<T | undefined>,
): Promise<ReadonlyMap<string, T>> {
  const found = new Map<string, T>();
  for (const name of names) {
    const object = await find(name);
    if (object !== undefined) found.set(name, object);
  }
  return found;
}

/** The pods of the namespaces in which the volumes are claimed. */
async function listPods(
  { client, persistentVolumes, volumes }: MoveSources,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly Stored<Pod>[]> {
  const namespaces = new Set(
    names.flatMap((name) => {
      const claimed = persistentVolumes.store.get(name)?.spec?.claimRef?.namespace;
      return claimed ?? volumes.store.get(name)?.spec.claim?.namespace ?? [];
    }),
  );
  const lists: (readonly Stored<Pod>[])[] = [];
  for (const namespace of namespaces) lists.push(await client.list(podResource, { namespace, signal }));
  return lists.flat();
}

function podsOf(sources: MoveSources, names: readonly string[], fresh: readonly Stored<Pod>[] | undefined) {
  return (fresh ?? sources.pods.store.list()).flatMap((pod) => {
    const volumes = volumesOfPod(sources, pod);
    return volumes.some((volume) => names.includes(volume)) ? [{ pod, volumes }] : [];
  });
}

/** Other volumes of the pods that are not on the source. */
function apartOf(
  { moves, nodes, volumes: store }: MoveSources,
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

function viewOfNode(sources: MoveSources, fresh: Fresh, move: Stored<VolumeMove>, name: string): NodeView {
  // What was read is believed, also that there is no such Node. A target that is only being chosen
  // was not read.
  const read = fresh.nodes?.names.has(name) === true ? fresh.nodes : undefined;
  const node = read === undefined ? sources.nodes.store.get(name) : read.nodes.get(name);
  const storage = read === undefined ? sources.storageNodes.store.get(name) : read.storage.get(name);
  const arriving = new Map<string, bigint>();
  for (const other of sources.moves.store.list()) {
    if (other.metadata.uid === move.metadata.uid || other.status?.target !== name || !isArriving(other)) continue;
    for (const { name: volume } of other.spec.volumes) {
      const spec = sources.volumes.store.get(volume)?.spec;
      if (spec !== undefined) arriving.set(spec.pool, (arriving.get(spec.pool) ?? 0n) + bytes(spec.capacity));
    }
  }
  return nodeView({ name, node, storage, pools: sources.pools.store.list(), arriving });
}

/** When the move was last asked for, on the wall clock as this process reads it. */
function askedAt(
  { asks, pods, volumes }: MoveSources,
  clock: Clock,
  names: readonly string[],
  from: string,
): number | undefined {
  const times = [
    ...names.flatMap((name) => volumes.store.get(name) ?? []).map((volume) => asks.volumeAskedAt(volume)),
    ...pods.store.byIndex(KEEPERS_BY_NODE, from).map((keeper) => asks.keeperAskedAt(keeper)),
  ].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : clock.now() - (clock.monotonic() - Math.max(...times));
}
