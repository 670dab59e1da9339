/* Reads the objects that a command needs, with lists that run in parallel. Writes nothing. */
import { localVolumes } from "../../api/kinds/local-volume.ts";
import { storageNodes } from "../../api/kinds/storage-node.ts";
import { storagePools } from "../../api/kinds/storage-pool.ts";
import { volumeCopies } from "../../api/kinds/volume-copy.ts";
import { volumeMoves } from "../../api/kinds/volume-move.ts";
import { CONTROLLER } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isForbidden, isNotFound } from "../../kube/errors.ts";
import {
  events,
  leases,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
} from "../../kube/kinds.ts";
import type { KubeObject, Stored } from "../../kube/objects.ts";
import type { Resource } from "../../kube/resource.ts";
import { messageOf } from "../../observe/errors.ts";
import { moorErrors } from "../errors.ts";
import { controllerNamespace } from "../status/controller.ts";
import { clusterOf, type Cluster } from "./cluster.ts";

export interface ReadEffects {
  readonly client: KubeClient;
  readonly clock: Clock;
}

/**
 * Everything of one namespace, and all nodes and volumes. That is enough, because pods that share a
 * volume are in the same namespace.
 */
export async function readNamespace(
  { client, clock }: ReadEffects,
  namespace: string,
  signal: AbortSignal,
): Promise<Cluster> {
  const list = lister(client, signal);
  const [common, claims, podList, eventList, classes] = await Promise.all([
    readOurs(client, signal),
    list(persistentVolumeClaims, namespace),
    list(pods, namespace),
    list(events, namespace),
    list(storageClasses),
  ]);
  const objects = { ...common, claims, pods: podList, events: eventList, storageClasses: classes };
  return clusterOf(objects, clock.now());
}

/** Everything of all namespaces, except events. */
export async function readCluster({ client, clock }: ReadEffects, signal: AbortSignal): Promise<Cluster> {
  const list = lister(client, signal);
  const [common, claims, podList] = await Promise.all([
    readOurs(client, signal),
    list(persistentVolumeClaims),
    list(pods),
  ]);
  const lease = await readLease(client, controllerNamespace(podList), signal);
  return clusterOf({ ...common, claims, pods: podList }, clock.now(), lease);
}

/** The leader's Lease. A user who may read nodes and volumes may lack the right to read Leases. */
async function readLease(client: KubeClient, namespace: string, signal: AbortSignal): Promise<Cluster["lease"]> {
  try {
    return { found: await client.find(leases, { name: CONTROLLER, namespace }, { signal }) };
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

/** The cluster-scoped objects. */
async function readOurs(client: KubeClient, signal: AbortSignal) {
  const list = lister(client, signal);
  const ours = async <T extends KubeObject>(resource: Resource<T>): Promise<Stored<T>[]> => {
    try {
      return await list(resource);
    } catch (error) {
      if (isNotFound(error)) throw moorErrors.NOT_INSTALLED({ why: messageOf(error) }, { cause: error });
      throw error;
    }
  };
  const [nodeList, volumeList, storageNodeList, pools, volumes, copies, moves] = await Promise.all([
    list(nodes),
    list(persistentVolumes),
    ours(storageNodes),
    ours(storagePools),
    ours(localVolumes),
    ours(volumeCopies),
    ours(volumeMoves),
  ]);
  return {
    nodes: nodeList,
    persistentVolumes: volumeList,
    storageNodes: storageNodeList,
    pools,
    volumes,
    copies,
    moves,
  };
}

function lister(client: KubeClient, signal: AbortSignal) {
  return <T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<Stored<T>[]> =>
    client.list(resource, { namespace, signal });
}
