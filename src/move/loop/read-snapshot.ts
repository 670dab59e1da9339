/*
 * Makes the snapshot from which a move is planned. It uses the caches. The parts that the plan
 * needs fresh are read from the API server, in the order of READ_ORDER (the VolumeMove last).
 */
import { copyNameOf } from "../../api/copy-name.ts";
import { localVolumes } from "../../api/kinds/local-volume.ts";
import { storageNodes } from "../../api/kinds/storage-node.ts";
import { volumeCopies } from "../../api/kinds/volume-copy.ts";
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Clock } from "../../effects/clock.ts";
import { nodes as nodeResource, pods as podResource, type Pod } from "../../kube/kinds.ts";
import { claimsOfVolume } from "../../movable/pod-volumes.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { KEEPERS_BY_NODE } from "../../movable/keepers/keepers.ts";
import { READ_ORDER, type EvictionOutcome, type Part } from "../plan/snapshot.ts";
import { assemble, type Fresh, type ReadSnapshot } from "./assemble.ts";
import type { MoveSources } from "./sources.ts";

/** The facts about a move that the loop remembers. */
export interface Remembered {
  readonly evictions: ReadonlyMap<string, EvictionOutcome>;
  readonly notedAt: number | undefined;
}

/** The snapshot of a move. Undefined: the move does not exist (any more). */
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
  return assemble(sources, move, fresh, {
    parts,
    evictions: remembered.evictions,
    askedAt: askedAt(sources, clock, move),
    notedAt: remembered.notedAt,
    now: clock.now(),
  });
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

/** The pods of the namespaces of the volumes' claims. */
async function listPods(
  { client, persistentVolumes, volumes }: MoveSources,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly Stored<Pod>[]> {
  const namespaces = new Set(
    names.flatMap((name) => {
      const claimed = claimsOfVolume({ persistentVolumes }, name).map(({ namespace }) => namespace);
      return claimed.length > 0 ? claimed : (volumes.store.get(name)?.spec.claim?.namespace ?? []);
    }),
  );
  const lists: (readonly Stored<Pod>[])[] = [];
  for (const namespace of namespaces) lists.push(await client.list(podResource, { namespace, signal }));
  return lists.flat();
}

/** When an eviction last requested the move, by this process's wall clock. */
function askedAt({ asks, pods, volumes }: MoveSources, clock: Clock, { spec }: VolumeMove): number | undefined {
  const times = [
    ...spec.volumes.flatMap(({ name }) => volumes.store.get(name) ?? []).map((volume) => asks.volumeAskedAt(volume)),
    ...pods.store.byIndex(KEEPERS_BY_NODE, spec.from).map((keeper) => asks.keeperAskedAt(keeper)),
  ].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : clock.now() - (clock.monotonic() - Math.max(...times));
}
