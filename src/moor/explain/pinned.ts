/* Why a pod waits for a volume that is not of the driver mooring.dev: it never leaves its node. */
import { DRIVER } from "../../api/names.ts";
import type { PersistentVolume, Pod } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { affinityAllows } from "../../provision/claims/fits.ts";
import { claimKeysOf } from "../../provision/indexes.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { nodeState, wordsOf } from "../cluster/node-state.ts";
import type { Trouble } from "./explanation.ts";

export function whyPinned(cluster: Cluster, pod: Stored<Pod>): Trouble | undefined {
  for (const volume of othersOf(cluster, pod)) {
    const states = cluster.nodes.store
      .list()
      .filter((node) => affinityAllows(volume, node))
      .map((node) => nodeState(cluster, nameOf(node)));
    const has = `its volume ${nameOf(volume)} does not move`;
    const [first] = states;
    if (first === undefined) {
      return {
        why: `${has}, and the Node that has it does not exist`,
        advice: "Bring its node back, under the same name.",
      };
    }
    if (states.some(({ leaving, ready }) => ready && leaving === undefined)) continue;
    const where = states.map((state) => `${state.name} (${wordsOf(state)})`).join(", ");
    const advice = first.ready
      ? `kubectl uncordon ${first.name} lets the pod start there.`
      : `Bring node ${first.name} back.`;
    return { why: `${has}, and is on node ${where}`, advice };
  }
  return undefined;
}

function othersOf(cluster: Cluster, pod: Stored<Pod>): readonly Stored<PersistentVolume>[] {
  return claimKeysOf(pod).flatMap((claim) => {
    const name = cluster.claims.store.get(claim)?.spec?.volumeName;
    const volume = name === undefined ? undefined : cluster.persistentVolumes.store.get(name);
    const isPinned = volume?.spec?.nodeAffinity !== undefined && volume.spec.csi?.driver !== DRIVER;
    return isPinned ? [volume] : [];
  });
}
