/*
 * Reads the facts for the answer to an eviction request. They come from the replica's caches, and
 * from the API server if the caches lack something. The nodes of the volumes always come from the
 * API server, because kubectl evicts a moment after the cordon.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { localVolumes } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { DRIVER } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import {
  nodes as nodeResource,
  persistentVolumeClaims,
  persistentVolumes,
  pods as podResource,
  type Node,
  type Pod,
} from "../../kube/kinds.ts";
import { isLeaving } from "../../kube/nodes.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { arrivesAt } from "../../movable/keepers/arriving.ts";
import { isKeeper } from "../../movable/keepers/pod.ts";
import { messageOf } from "../../observe/errors.ts";
import { isReleased } from "../../place/stays.ts";
import { whyVolumesStay, type StaySources } from "../drains/stays.ts";
import type {
  EvictionSnapshot,
  KeeperFacts,
  NodeFacts,
  PodFacts,
  PodVolumeFacts,
  Unreadable,
  VolumeFacts,
} from "./decide.ts";
import { progressOf } from "./progress.ts";

export interface ReadDeps extends StaySources {
  readonly moves: Informer<VolumeMove>;
  readonly client: KubeClient;
  readonly clock: Clock;
  /** The namespace of the keepers. */
  readonly namespace: string;
  /** User name of the controller's service account. */
  readonly controllerUser: string;
}

/** The pod to evict, and the options of the request. */
export interface Asked {
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  readonly uidPrecondition?: string;
  readonly gracePeriodSeconds?: number;
  readonly user: { readonly name: string };
}

/**
 * Reads everything that `decideEviction` needs. Rejects only when the pod itself cannot be read.
 */
export async function readEviction(deps: ReadDeps, asked: Asked, signal: AbortSignal): Promise<EvictionSnapshot> {
  const { clock, controllerUser } = deps;
  const { dryRun, gracePeriodSeconds, uidPrecondition, user } = asked;
  const byController = user.name === controllerUser;
  return {
    byController,
    dryRun,
    hasUidPrecondition: uidPrecondition !== undefined,
    target: byController ? undefined : await targetOf(deps, asked, signal),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    now: clock.now(),
  };
}

async function targetOf(
  deps: ReadDeps,
  { name, namespace }: Asked,
  signal: AbortSignal,
): Promise<EvictionSnapshot["target"]> {
  const known = deps.pods.store.get(`${namespace}/${name}`);
  const pod = known ?? (await deps.client.find(podResource, { name, namespace }, { signal }));
  if (pod === undefined) return undefined;
  return isKeeper(pod, deps.namespace)
    ? { kind: "keeper", keeper: await keeperFacts(deps, pod, signal) }
    : { kind: "pod", pod: await podFacts(deps, pod, signal) };
}

async function keeperFacts(deps: ReadDeps, pod: Stored<Pod>, signal: AbortSignal): Promise<KeeperFacts> {
  const { name, namespace = "default" } = pod.metadata;
  const nodeName = pod.spec?.nodeName;
  const here = nodeName === undefined ? [] : deps.volumes.store.byIndex("byNode", nodeName);
  const node = nodeName === undefined ? undefined : await read(() => findNode(deps, nodeName, signal));
  const stay = staysOf(deps, node);
  const toMove = here.map((volume) => volumeFacts(deps, volume, node, stay)).filter(({ stays }) => stays === undefined);
  const arriving = nodeName === undefined ? [] : arrivingAt(deps, nodeName, factsOf(node));
  return { namespace, name, node: factsOf(node), toMove: [...toMove, ...arriving] };
}

/** The volumes that moves bring to the node, and that are not on it yet. */
function arrivingAt(deps: ReadDeps, nodeName: string, node: VolumeFacts["node"]): VolumeFacts[] {
  return deps.moves.store.list().flatMap((move) => {
    if (arrivesAt(move) !== nodeName) return [];
    const away = move.spec.volumes.filter(({ name }) => deps.volumes.store.get(name)?.spec.nodeName !== nodeName);
    const said = move.status?.message?.replace(/\.$/, "");
    return away.map(({ name }): VolumeFacts => ({
      name,
      nodeName,
      node,
      fenced: false,
      arrives: true,
      ...(said === undefined ? {} : { progress: said }),
    }));
  });
}

async function podFacts(deps: ReadDeps, pod: Stored<Pod>, signal: AbortSignal): Promise<PodFacts> {
  const { name, namespace = "default" } = pod.metadata;
  const nodeName = pod.spec?.nodeName;
  const own = nodeName === undefined ? undefined : await read(() => findNode(deps, nodeName, signal));
  const node = factsOf(own);
  const volumes = await read(() => volumesOf(deps, pod, signal));
  return { namespace, name, node: isUnreadable(node) ? undefined : node, volumes };
}

async function volumesOf(deps: ReadDeps, pod: Stored<Pod>, signal: AbortSignal): Promise<PodVolumeFacts[]> {
  const found: PodVolumeFacts[] = [];
  for (const { persistentVolumeClaim } of pod.spec?.volumes ?? []) {
    if (persistentVolumeClaim === undefined) continue;
    const volume = await localVolumeOf(
      deps,
      pod.metadata.namespace ?? "default",
      persistentVolumeClaim.claimName,
      signal,
    );
    if (volume === undefined) continue;
    const node = await read(() => findNode(deps, volume.spec.nodeName, signal));
    found.push(volumeFacts(deps, volume, node, staysOf(deps, node)));
  }
  return found;
}

/**
 * The movable volume of a claim. If the caches do not have it, or have the claim as it was before
 * it was bound, it is read from the API server: the caches may be behind, so they cannot prove that
 * it does not exist.
 */
async function localVolumeOf(
  deps: ReadDeps,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<Stored<LocalVolume> | undefined> {
  const { client } = deps;
  const cached = deps.claims.store.get(`${namespace}/${name}`)?.spec?.volumeName;
  const volumeName =
    (cached === "" ? undefined : cached) ??
    (await client.find(persistentVolumeClaims, { name, namespace }, { signal }))?.spec?.volumeName;
  if (volumeName === undefined || volumeName === "") return undefined;
  const volume =
    deps.persistentVolumes.store.get(volumeName) ??
    (await client.find(persistentVolumes, { name: volumeName }, { signal }));
  const csi = volume?.spec?.csi;
  if (csi?.driver !== DRIVER) return undefined;
  const { volumeHandle } = csi;
  return deps.volumes.store.get(volumeHandle) ?? client.find(localVolumes, { name: volumeHandle }, { signal });
}

/** Why volumes of a node stay. Called once for each node, because it looks at all its volumes. */
function staysOf(deps: ReadDeps, node: Stored<Node> | Unreadable | undefined): ReadonlyMap<string, string> {
  return node === undefined || isUnreadable(node) ? new Map() : whyVolumesStay(deps, node);
}

function volumeFacts(
  deps: ReadDeps,
  volume: Stored<LocalVolume>,
  node: Stored<Node> | Unreadable | undefined,
  stay: ReadonlyMap<string, string>,
): PodVolumeFacts {
  const { uid, resourceVersion } = volume.metadata;
  const { activeMove, epoch, fence, nodeName } = volume.spec;
  const moves = deps.moves.store.list();
  const move = moves.find(({ metadata }) => metadata.uid === activeMove?.uid);
  const progress = progressOf(volume, moves);
  const phase = move?.status?.phase;
  const movedAtMs = Date.parse(volume.status?.movedAt ?? "");
  const stays = stay.get(nameOf(volume));
  return {
    name: nameOf(volume),
    version: { uid, resourceVersion, epoch },
    nodeName,
    node: factsOf(node),
    fenced: fence !== undefined,
    ...(move === undefined || phase === undefined ? {} : { move: { name: nameOf(move), phase, from: move.spec.from } }),
    ...(Number.isNaN(movedAtMs) ? {} : { movedAtMs }),
    ...(stays === undefined ? {} : { stays }),
    ...(progress === undefined ? {} : { progress }),
  };
}

async function findNode({ client }: ReadDeps, name: string, signal: AbortSignal): Promise<Stored<Node> | undefined> {
  return client.find(nodeResource, { name }, { signal });
}

function factsOf(node: Stored<Node> | Unreadable | undefined): NodeFacts | Unreadable | undefined {
  if (node === undefined || isUnreadable(node)) return node;
  const facts = { name: nameOf(node), released: isReleased(node) };
  if (!isLeaving(node)) return facts;
  return { ...facts, leaving: node.spec?.unschedulable === true ? "cordon" : "taint" };
}

async function read<T>(work: () => Promise<T>): Promise<T | Unreadable> {
  try {
    return await work();
  } catch (error) {
    return { unreadable: messageOf(error) };
  }
}

function isUnreadable<T>(facts: T | Unreadable): facts is Unreadable {
  return typeof facts === "object" && facts !== null && "unreadable" in facts;
}
