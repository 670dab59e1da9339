import { AT_PREFIX, AWAY_PREFIX, HOSTNAME_LABEL, TEMPLATE_NODE_LABEL } from "../api/names.ts";
import type { PersistentVolume } from "../kube/kinds.ts";

type VolumeNodeAffinity = NonNullable<NonNullable<PersistentVolume["spec"]>["nodeAffinity"]>;

/**
 * The affinity of a movable volume. It cannot be changed, so it has two terms that node labels
 * switch: the node where the volume was made, unless it is marked as away; or a node that is marked
 * as having it. A volume that never moved needs no label.
 *
 * The second term excludes the template nodes of cluster-autoscaler. They carry copies of a real
 * node's labels, and a pod that waits for its volume would make it add machines without end.
 */
export function affinityOf(volume: string, originHostname: string): VolumeNodeAffinity {
  return {
    required: {
      nodeSelectorTerms: [
        {
          matchExpressions: [
            { key: HOSTNAME_LABEL, operator: "In", values: [originHostname] },
            { key: AWAY_PREFIX + volume, operator: "DoesNotExist" },
          ],
        },
        {
          matchExpressions: [
            { key: AT_PREFIX + volume, operator: "Exists" },
            { key: TEMPLATE_NODE_LABEL, operator: "DoesNotExist" },
          ],
        },
      ],
    },
  };
}
