/*
 * The effect of a release of a node on each of its volumes. Pure.
 *
 * A released node (an annotation, src/place/stays.ts) has no hold any more. Its pods are evicted at
 * once, whether or not their volumes were copied, and no drain moves its volumes. No data is
 * touched: the volumes stay on the node, and their pods wait for it. A move in progress continues.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { nameOf, namespaceOf, type Stored } from "../../kube/objects.ts";
import { BY_VOLUME } from "../../movable/volumes/loop.ts";
import { arrivesAt } from "../../movable/keepers/arriving.ts";
import { usersOf } from "../../move/drains/stays.ts";
import { copyAt } from "../../move/plan/parts.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { nodeState, type NodeState } from "../cluster/node-state.ts";
import { claimNameOf, moveOf } from "../cluster/volumes.ts";
import { moorErrors } from "../errors.ts";

export interface ReleasedVolume {
  readonly name: string;
  /** `namespace/name`. */
  readonly claim: string;
  /** Bytes that its agent has counted. Unset: not counted yet. */
  readonly bytes?: number;
  /** `namespace/name`. */
  readonly pods: readonly string[];
  readonly means: string;
}

export interface ReleasePlan {
  readonly node: NodeState;
  readonly volumes: readonly ReleasedVolume[];
}

/** Throws MOOR_NODE_MISSING. */
export function planRelease(cluster: Cluster, name: string): ReleasePlan {
  if (cluster.nodes.store.get(name) === undefined) throw moorErrors.NODE_MISSING({ node: name });
  const here = cluster.volumes.store.byIndex("byNode", name);
  const all = [...here, ...arrivingAt(cluster, name).filter((volume) => !here.includes(volume))];
  const users = usersOf(cluster, all);
  return {
    node: nodeState(cluster, name),
    volumes: all.map((volume) => {
      const pods = users.filter(({ volumes }) => volumes.includes(nameOf(volume))).map(({ pod }) => pod);
      const bytes = bytesOf(cluster, volume);
      return {
        name: nameOf(volume),
        claim: claimNameOf(volume),
        ...(bytes === undefined ? {} : { bytes }),
        pods: pods.map((pod) => `${namespaceOf(pod)}/${nameOf(pod)}`),
        means: meaningOf(cluster, volume, name, pods.length),
      };
    }),
  };
}

/** The volumes that moves bring to the node now. */
function arrivingAt(cluster: Cluster, name: string): readonly Stored<LocalVolume>[] {
  const names = cluster.moves.store
    .list()
    .filter((move) => arrivesAt(move) === name)
    .flatMap(({ spec }) => spec.volumes.map((volume) => volume.name));
  return [...new Set(names)].flatMap((volume) => cluster.volumes.store.get(volume) ?? []);
}

/** `released`: the name of the node. */
function meaningOf(cluster: Cluster, volume: Stored<LocalVolume>, released: string, pods: number): string {
  const { nodeName } = volume.spec;
  const move = moveOf(cluster, volume);
  if (nodeName !== released) {
    return `VolumeMove ${move === undefined ? "" : nameOf(move)} brings it here from node ${nodeName}, and nothing waits for that any more`;
  }
  if (move !== undefined) {
    const phase = move.status?.phase ?? "New";
    const { committed } = move.status ?? {};
    return committed === true
      ? `VolumeMove ${nameOf(move)} is ${phase}: the volume still moves, with its data`
      : `VolumeMove ${nameOf(move)} is ${phase}: no eviction waits for it any more`;
  }
  const copy = `the only copy stays on node ${nodeName}`;
  return pods === 0 ? copy : `${copy}; once evicted, its pods wait until the node is back`;
}

function bytesOf(cluster: Cluster, volume: Stored<LocalVolume>): number | undefined {
  const { epoch, nodeName } = volume.spec;
  const copies = cluster.copies.store.byIndex(BY_VOLUME, nameOf(volume));
  return copyAt(
    copies.find(({ spec }) => spec.nodeName === nodeName),
    epoch,
  )?.bytes;
}
