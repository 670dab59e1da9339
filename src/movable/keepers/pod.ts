import { storageNodes, type StorageNode } from "../../api/kinds/storage-node.ts";
import { KEEPER_FINALIZER, KEEPER_LABEL } from "../../api/names.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { apiVersionOf } from "../../kube/resource.ts";
import type { Keeper } from "./plan.ts";

/** Where keepers live, and what they run: the controller's own image. */
export interface KeeperSettings {
  readonly namespace: string;
  readonly image: string;
  readonly imagePullPolicy?: string | undefined;
}

const LONGEST_NODE_PART = 40;

/**
 * The keeper pod of a node. Each line is a rule of somebody who drains:
 *
 * - an owner that is a controller and no DaemonSet: kubectl evicts it without --force, autoscalers
 *   count it;
 * - no emptyDir: kubectl needs no --delete-emptydir-data;
 * - tolerates NoExecute alone: Karpenter does not count pods that tolerate its NoSchedule taint;
 * - an ordinary priority: a critical pod would make a full kubelet kill a user's pod for it;
 * - a grace period of a second: it has nothing to end.
 */
export function keeperPod(node: Stored<StorageNode>, suffix: string, settings: KeeperSettings): Pod {
  const { name: nodeName, uid } = node.metadata;
  const part = nodeName.slice(0, LONGEST_NODE_PART).replace(/[^a-z0-9]+$/, "");
  const { image, imagePullPolicy, namespace } = settings;
  return {
    metadata: {
      name: `keeper-${part}-${suffix}`,
      namespace,
      labels: {
        "app.kubernetes.io/name": "mooring",
        "app.kubernetes.io/component": "keeper",
        [KEEPER_LABEL]: "true",
      },
      annotations: { "cluster-autoscaler.kubernetes.io/safe-to-evict": "true" },
      finalizers: [KEEPER_FINALIZER],
      ownerReferences: [
        { apiVersion: apiVersionOf(storageNodes), kind: storageNodes.kind, name: nodeName, uid, controller: true },
      ],
    },
    spec: {
      nodeName,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      restartPolicy: "Always",
      tolerations: [{ operator: "Exists", effect: "NoExecute" }],
      containers: [
        {
          name: "keeper",
          image,
          ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
          command: ["mooring", "pause"],
          resources: { requests: { cpu: "1m", memory: "16Mi" } },
        },
      ],
    },
  };
}

/** Whether a pod is a keeper of this installation. */
export function isKeeper(pod: Pod, namespace: string): boolean {
  return pod.metadata?.namespace === namespace && pod.metadata.labels?.[KEEPER_LABEL] === "true";
}

export function keeperOf(pod: Stored<Pod>): Keeper {
  const { name, uid, deletionTimestamp, finalizers = [], creationTimestamp = "" } = pod.metadata;
  const phase = pod.status?.phase;
  return {
    name,
    uid,
    ending: deletionTimestamp !== undefined,
    failed: phase === "Failed" || phase === "Succeeded",
    hasFinalizer: finalizers.includes(KEEPER_FINALIZER),
    createdAt: creationTimestamp,
  };
}
