/*
 * Why volumes of a leaving node stay. The drain loop, the keepers and the webhook all use this, so
 * that none of them waits for a move that another one will never begin.
 *
 * Volumes that share pods, or whose pods are tied (ties.ts), stay or move together. A group stays
 * when one of its volumes stays, or when one of its pods can never run on another node.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import type { Node, PersistentVolume, Pod } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import type { Cached } from "../../kube/watch/store.ts";
import { podsOfVolume, volumesOfPod, type PodVolumeSources } from "../../movable/pod-volumes.ts";
import { affinityAllows } from "../../provision/claims/fits.ts";
import { whyStays } from "../../place/stays.ts";
import { claimKeysOf } from "../../provision/indexes.ts";
import { groupsOf } from "./plan-drain.ts";
import { tiesOf } from "./ties.ts";

export interface StaySources extends PodVolumeSources {
  readonly nodes: Cached<Node>;
  /** With the index `byNode`. */
  readonly volumes: Cached<LocalVolume>;
  readonly pools: Cached<StoragePool>;
  /** The pods of all namespaces, with the index of `podIndexes`. */
  readonly pods: Cached<Pod>;
}

/** A pod that uses volumes of a node. */
export interface User {
  readonly pod: Stored<Pod>;
  readonly volumes: readonly string[];
  readonly volumesElsewhere: readonly string[];
}

/** The pods that use volumes of the node and have not finished. */
export function usersOf(sources: StaySources, here: readonly Stored<LocalVolume>[]): readonly User[] {
  const names = new Set(here.map((volume) => nameOf(volume)));
  const pods = new Set(here.flatMap((volume) => podsOfVolume(sources, nameOf(volume))));
  return [...pods].flatMap((pod) => {
    if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return [];
    const used = volumesOfPod(sources, pod);
    const volumes = used.filter((volume) => names.has(volume));
    return [{ pod, volumes, volumesElsewhere: used.filter((volume) => !names.has(volume)) }];
  });
}

/** Why volumes of the node stay, by name. Volumes that are not in the map are to move. */
export function whyVolumesStay(
  sources: StaySources,
  node: Stored<Node>,
  here: readonly Stored<LocalVolume>[] = sources.volumes.store.byIndex("byNode", nameOf(node)),
): ReadonlyMap<string, string> {
  const nodes = sources.nodes.store.list();
  const stays = new Map<string, string>();
  for (const volume of here) {
    const why = whyStays({ volume, node, pool: sources.pools.store.get(volume.spec.pool), nodes });
    if (why !== undefined) stays.set(nameOf(volume), why);
  }
  const users = usersOf(sources, here);
  for (const user of users) {
    const why = whyPodStays(
      sources,
      user,
      nodes.filter((other) => nameOf(other) !== nameOf(node)),
    );
    if (why !== undefined) for (const name of user.volumes) if (!stays.has(name)) stays.set(name, why);
  }
  for (const group of groupsOf(
    here.map((volume) => nameOf(volume)),
    [...users, ...tiesOf(users)].map(({ volumes }) => volumes),
  )) {
    const first = group.find((name) => stays.has(name));
    if (first === undefined) continue;
    const why = `it moves only together with volume ${first}, which stays: ${stays.get(first) ?? ""}`;
    for (const name of group) if (!stays.has(name)) stays.set(name, why);
  }
  return stays;
}

function whyPodStays(
  sources: StaySources,
  { pod, volumesElsewhere }: User,
  others: readonly Stored<Node>[],
): string | undefined {
  const { name, ownerReferences = [] } = pod.metadata;
  if (ownerReferences.some(({ controller, kind }) => controller === true && kind === "DaemonSet")) {
    return `pod ${name} belongs to a DaemonSet and cannot run on another node`;
  }
  const elsewhere = volumesElsewhere.flatMap((volume) => sources.volumes.store.get(volume)?.spec.nodeName ?? []);
  // If they are all on one other node, the volumes of this node move to that node.
  if (new Set(elsewhere).size > 1) return `pod ${name} also uses ${volumesElsewhere.join(", ")} on several other nodes`;
  const bound = otherVolumesOf(sources, pod).find((volume) => !others.some((node) => affinityAllows(volume, node)));
  return bound === undefined ? undefined : `pod ${name} also uses ${nameOf(bound)}, which only this node has`;
}

function otherVolumesOf({ claims, persistentVolumes }: StaySources, pod: Stored<Pod>): Stored<PersistentVolume>[] {
  return claimKeysOf(pod).flatMap((claim) => {
    const name = claims.store.get(claim)?.spec?.volumeName;
    const volume = name === undefined ? undefined : persistentVolumes.store.get(name);
    return volume === undefined || volume.spec?.csi?.driver === "mooring.dev" ? [] : [volume];
  });
}
