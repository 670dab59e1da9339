import { SELECTED_NODE } from "../../src/api/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { defineResource } from "../../src/kube/resource.ts";
import type { PersistentVolumeClaim, Pod, StorageClass } from "../../src/kube/kinds.ts";

export const namespaces = defineResource<KubeObject>({
  group: "",
  version: "v1",
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
});

/** Where all claims and pods of the bench are. */
export const NAMESPACE = "bench";

export function storageClass(
  name: string,
  provisioner: string,
  volumeBindingMode: "Immediate" | "WaitForFirstConsumer",
): StorageClass {
  return { metadata: { name }, provisioner, volumeBindingMode, reclaimPolicy: "Delete" };
}

/** A claim; with a node, as if the scheduler had chosen it. */
export function claim(name: string, storageClassName: string, node?: string): PersistentVolumeClaim {
  return {
    metadata: {
      name,
      namespace: NAMESPACE,
      ...(node === undefined ? {} : { annotations: { [SELECTED_NODE]: node } }),
    },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName,
      resources: { requests: { storage: "1Mi" } },
    },
  };
}

export function podWithClaim(name: string, claimName: string): Pod {
  return {
    metadata: { name, namespace: NAMESPACE },
    spec: {
      containers: [
        {
          name: "main",
          image: "docker.io/library/busybox:latest",
          volumeMounts: [{ name: "data", mountPath: "/data" }],
        },
      ],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
    },
  };
}
