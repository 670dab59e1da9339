/*
 * Volumes that only this node has, and that a drain does not move because their driver is not
 * mooring.dev: classic volumes, and local volumes of other drivers.
 */
import { DRIVER } from "../../api/names.ts";
import type { Node, PersistentVolume } from "../../kube/kinds.ts";
import { nameOf, namespaceOf, type Stored } from "../../kube/objects.ts";
import { affinityAllows } from "../../provision/claims/fits.ts";
import { claimKeyOf } from "../../provision/claims/claims.ts";
import { BY_CLAIM } from "../../provision/indexes.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { StayingVolume } from "./drain-plan.ts";

export function pinnedVolumes(cluster: Cluster, node: Stored<Node>): readonly StayingVolume[] {
  return cluster.persistentVolumes.store.list().flatMap((volume) => {
    const claim = claimKeyOf(volume);
    if (claim === undefined || volume.spec?.csi?.driver === DRIVER || !isOnlyOn(cluster, volume, node)) return [];
    const pods = cluster.pods.store
      .byIndex(BY_CLAIM, claim)
      .filter(({ spec, status }) => spec?.nodeName === nameOf(node) && !isFinished(status?.phase))
      .map((pod) => `${namespaceOf(pod)}/${nameOf(pod)}`);
    return [{ name: nameOf(volume), claim, why: "its driver is not mooring.dev, and only this node has it", pods }];
  });
}

function isOnlyOn(cluster: Cluster, volume: PersistentVolume, node: Stored<Node>): boolean {
  if (volume.spec?.nodeAffinity === undefined || !affinityAllows(volume, node)) return false;
  return cluster.nodes.store.list().every((other) => nameOf(other) === nameOf(node) || !affinityAllows(volume, other));
}

function isFinished(phase: string | undefined): boolean {
  return phase === "Succeeded" || phase === "Failed";
}
