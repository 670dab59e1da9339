/* Where the volume of a claim is, what its move does, and why its pods run or do not. Pure. */
import { ahead } from "../../agent/copies/ahead.ts";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { PROVISIONED_BY } from "../../api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { BY_VOLUME } from "../../movable/volumes/loop.ts";
import { whyVolumesStay } from "../../move/drains/stays.ts";
import { copyAt } from "../../move/plan/parts.ts";
import { affinityAllows } from "../../provision/claims/fits.ts";
import { classNameOf } from "../../provision/claims/claims.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { nodeState } from "../cluster/node-state.ts";
import { findClaim, localVolumeOf, moveOf, persistentVolumeOf, podsOf, type ClaimName } from "../cluster/volumes.ts";
import { whyUnbound } from "./claim.ts";
import type { Explanation, Trouble, VolumeExplained } from "./explanation.ts";
import { explainMove } from "./move.ts";
import { explainPod } from "./pod.ts";

/** Throws MOOR_CLAIM_MISSING. */
export function explain(cluster: Cluster, asked: ClaimName): Explanation {
  const claim = findClaim(cluster, asked);
  const pods = podsOf(cluster, asked);
  const volume = persistentVolumeOf(cluster, claim);
  const local = volume === undefined ? undefined : localVolumeOf(cluster, volume);
  const move = local === undefined ? undefined : moveOf(cluster, local);
  const trouble = troubleOf(cluster, claim, volume, local, pods);
  return {
    claim: describeClaim(claim),
    ...(trouble === undefined ? {} : { trouble }),
    ...(volume === undefined ? {} : { volume: describeVolume(cluster, volume, local) }),
    ...(move === undefined ? {} : { move: explainMove(move) }),
    pods: pods.map((pod) => explainPod(cluster, pod)),
  };
}

function describeClaim(claim: Stored<PersistentVolumeClaim>): Explanation["claim"] {
  const { name, namespace = "default" } = claim.metadata;
  const capacity = claim.status?.capacity?.["storage"];
  const storageClass = classNameOf(claim);
  return {
    namespace,
    name,
    phase: claim.status?.phase ?? "Pending",
    ...(storageClass === "" ? {} : { storageClass }),
    ...(capacity === undefined ? {} : { capacity }),
  };
}

function troubleOf(
  cluster: Cluster,
  claim: Stored<PersistentVolumeClaim>,
  volume: Stored<PersistentVolume> | undefined,
  local: Stored<LocalVolume> | undefined,
  pods: ReturnType<typeof podsOf>,
): Trouble | undefined {
  if (claim.status?.phase !== "Bound") return whyUnbound(cluster, claim, pods);
  if (volume === undefined) {
    const why = `its PersistentVolume ${claim.spec?.volumeName ?? ""} is gone`;
    return { why, advice: "Make a new claim; restore its data from a backup." };
  }
  if (local === undefined) {
    if (volume.spec?.csi?.driver !== "mooring.dev") return undefined;
    return {
      why: `there is no LocalVolume ${volume.spec.csi.volumeHandle}, so it is not known which copy is the volume`,
      advice: "The data is still on the disks. kubectl get volumecopies lists the copies on the nodes.",
    };
  }
  if (!local.spec.reclaim && local.metadata.deletionTimestamp === undefined) {
    return whyBehind(cluster, local) ?? whyDataMissing(cluster, local);
  }
  return { why: "it is being removed, with its data on every node", advice: "Nothing to do: it continues by itself." };
}

/** The volume has moved since the backup that etcd was restored from. */
function whyBehind(cluster: Cluster, local: Stored<LocalVolume>): Trouble | undefined {
  const { epoch, nodeName } = local.spec;
  const latest = ahead(cluster.copies.store.byIndex(BY_VOLUME, nameOf(local)), local);
  if (latest === undefined) return undefined;
  return {
    why: `node ${latest.node} has a later copy (epoch ${String(latest.found)}) than the one that its LocalVolume names (epoch ${String(epoch)} on node ${nodeName})`,
    advice: "Most likely etcd was restored from a backup: docs/operating.md says how to continue (A restore of etcd).",
  };
}

/** The agent made the directory once, and the disk does not have it any more. */
function whyDataMissing(cluster: Cluster, local: Stored<LocalVolume>): Trouble | undefined {
  const { nodeName } = local.spec;
  if (currentCopy(cluster, local)?.missing !== true) return undefined;
  return {
    why: `its directory is not on the disk of node ${nodeName} any more`,
    advice: "Mount the disk that holds it, or restore a backup. Mooring makes no new directory in its place.",
  };
}

function describeVolume(
  cluster: Cluster,
  volume: Stored<PersistentVolume>,
  local: Stored<LocalVolume> | undefined,
): VolumeExplained {
  const name = nameOf(volume);
  if (local === undefined) {
    const driver = volume.spec?.csi?.driver ?? volume.metadata.annotations?.[PROVISIONED_BY] ?? "unknown";
    // A classic volume's affinity names its node.
    const nodes = cluster.nodes.store.list().filter((node) => affinityAllows(volume, node));
    const [only] = volume.spec?.nodeAffinity === undefined || nodes.length !== 1 ? [] : nodes;
    const node = only === undefined ? {} : { node: nodeState(cluster, nameOf(only)) };
    return { name, driver, ...node, otherCopies: [], staysInDrain: `volumes of the driver ${driver} do not move` };
  }
  const { nodeName, pool } = local.spec;
  const node = cluster.nodes.store.get(nodeName);
  const stays = node === undefined ? undefined : whyVolumesStay(cluster, node).get(nameOf(local));
  const bytes = currentCopy(cluster, local)?.bytes;
  return {
    name: nameOf(local),
    driver: "mooring.dev",
    node: nodeState(cluster, nodeName),
    pool,
    ...(bytes === undefined ? {} : { bytes }),
    otherCopies: otherCopies(cluster, local),
    ...(stays === undefined ? {} : { staysInDrain: stays }),
  };
}

/** The copy that is the volume, as its agent reports it. */
function currentCopy(cluster: Cluster, local: Stored<LocalVolume>) {
  const { epoch, nodeName } = local.spec;
  return copyAt(
    cluster.copies.store.byIndex(BY_VOLUME, nameOf(local)).find(({ spec }) => spec.nodeName === nodeName),
    epoch,
  );
}

function otherCopies(cluster: Cluster, local: Stored<LocalVolume>): VolumeExplained["otherCopies"] {
  const { epoch, nodeName } = local.spec;
  return cluster.copies.store
    .byIndex(BY_VOLUME, nameOf(local))
    .flatMap(({ spec, status }) =>
      (status?.copies ?? [])
        .filter((copy) => spec.nodeName !== nodeName || copy.epoch !== epoch)
        .map(({ bytes, state }) => ({ node: spec.nodeName, state, ...(bytes === undefined ? {} : { bytes }) })),
    );
}
