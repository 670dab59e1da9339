/* A small cluster for tests: a pool, nodes with an agent, claims with movable volumes, pods. */
import type { LocalVolume, LocalVolumeSpec } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import type { CopyOfEpoch, VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from "../../kube/kinds.ts";
import type { KubeObject, Stored } from "../../kube/objects.ts";
import { affinityOf } from "../../movable/affinity.ts";
import { clusterOf, type Cluster, type Objects } from "../cluster/cluster.ts";

export const NOW = Date.parse("2026-11-27T12:00:00Z");
const GI = 1024 ** 3;

function stored<T extends KubeObject>(object: T & { metadata: { name: string } }): Stored<T> {
  const { name, namespace = "" } = object.metadata as { name: string; namespace?: string };
  return {
    ...object,
    metadata: {
      uid: `${namespace}/${name}`,
      resourceVersion: "1",
      creationTimestamp: "2026-11-27T11:00:00Z",
      ...object.metadata,
    },
  };
}

export function node(name: string, spec: Node["spec"] = {}, ready = true): Stored<Node> {
  return stored<Node>({
    metadata: { name, labels: { "kubernetes.io/hostname": name } },
    spec,
    status: { conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  });
}

export function storageNode(
  name: string,
  renewedAt = "2026-11-27T11:59:50Z",
  availableBytes = 50 * GI,
): Stored<StorageNode> {
  return stored<StorageNode>({
    metadata: { name },
    status: {
      renewedAt,
      pools: [
        {
          name: "default",
          path: "/p",
          uuid: `disk-${name}`,
          ready: true,
          reason: "Ready",
          capacityBytes: 100 * GI,
          availableBytes,
        },
      ],
    },
  });
}

export const pool: Stored<StoragePool> = stored<StoragePool>({
  metadata: { name: "default" },
  spec: { path: "/p", backend: "Directory", reserve: "0" },
});

export const storageClass: Stored<StorageClass> = stored<StorageClass>({
  metadata: { name: "mooring" },
  provisioner: "mooring.dev",
  volumeBindingMode: "WaitForFirstConsumer",
});

/** The objects of a claim whose volume is on a node: `pvc-NAME`. */
export function movable(
  name: string,
  nodeName: string,
  spec: Partial<LocalVolumeSpec> = {},
  bytes = 300,
): Partial<Objects> {
  const volume = `pvc-${name}`;
  const incarnation = `incarnation-${name}`;
  const copy: CopyOfEpoch = {
    epoch: 1,
    directory: "1",
    state: "Active",
    incarnation,
    poolUUID: `disk-${nodeName}`,
    bytes,
  };
  return {
    claims: [
      stored<PersistentVolumeClaim>({
        metadata: { name, namespace: "app" },
        spec: { volumeName: volume, storageClassName: "mooring" },
        status: { phase: "Bound", capacity: { storage: "1Gi" } },
      }),
    ],
    persistentVolumes: [
      stored<PersistentVolume>({
        metadata: { name: volume },
        spec: {
          claimRef: { namespace: "app", name },
          csi: { driver: "mooring.dev", volumeHandle: volume },
          nodeAffinity: affinityOf(volume, nodeName),
        },
      }),
    ],
    volumes: [
      stored<LocalVolume>({
        metadata: { name: volume },
        spec: {
          pool: "default",
          capacity: "1Gi",
          nodeName,
          originHostname: nodeName,
          epoch: 1,
          incarnation,
          policies: { onDrain: "Move", onNodeLoss: "Wait", maxDowntime: "60s" },
          directory: { mode: "0777", uid: 0, gid: 0 },
          claim: { namespace: "app", name, uid: `app/${name}` },
          reclaim: false,
          ...spec,
        },
      }),
    ],
    copies: [
      stored<VolumeCopy>({
        metadata: { name: `${volume}.${nodeName}` },
        spec: { volume, nodeName },
        status: { copies: [copy] },
      }),
    ],
  };
}

/** A claim that has no volume yet. */
export function unbound(
  name: string,
  spec: PersistentVolumeClaim["spec"] = { storageClassName: "mooring" },
): Partial<Objects> {
  const claim = stored<PersistentVolumeClaim>({
    metadata: { name, namespace: "app" },
    spec,
    status: { phase: "Pending" },
  });
  return { claims: [claim] };
}

export interface PodParts {
  readonly claims: readonly string[];
  readonly on?: string;
  readonly spec?: Partial<NonNullable<Pod["spec"]>>;
  readonly status?: Pod["status"];
  readonly metadata?: Partial<NonNullable<Pod["metadata"]>>;
}

/** A pod of a StatefulSet; Ready when it has a node and nothing else is said. */
export function pod(name: string, { claims, metadata = {}, on, spec = {}, status }: PodParts): Stored<Pod> {
  const conditions =
    on === undefined
      ? [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/2 nodes are available" }]
      : [{ type: "Ready", status: "True" }];
  return stored<Pod>({
    metadata: {
      name,
      namespace: "app",
      ownerReferences: [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "db", uid: "db", controller: true }],
      ...metadata,
    },
    spec: {
      containers: [],
      ...(on === undefined ? {} : { nodeName: on }),
      volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
      ...spec,
    },
    status: status ?? { phase: on === undefined ? "Pending" : "Running", conditions },
  });
}

export function move(
  name: string,
  spec: Omit<VolumeMove["spec"], "volumes" | "reason"> & { volumes: readonly string[]; reason?: "Request" | "Drain" },
  status: VolumeMove["status"] = {},
): Stored<VolumeMove> {
  const { volumes, reason = "Request", ...rest } = spec;
  const named = volumes.map((volume) => ({ name: volume, mode: "Copy" as const }));
  return stored<VolumeMove>({ metadata: { name }, spec: { ...rest, reason, volumes: named }, status });
}

export function warning(about: Stored, message: string, lastTimestamp: string): Stored<Event> {
  return stored<Event>({
    metadata: { name: `${about.metadata.name}-${lastTimestamp}`, namespace: "app" },
    involvedObject: { uid: about.metadata.uid },
    type: "Warning",
    message,
    lastTimestamp,
  });
}

/** Two nodes with agents, a pool and a class, and what is given. Later nodes of a name win. */
export function cluster(...parts: readonly Partial<Objects>[]): Cluster {
  const base: Partial<Objects> = {
    nodes: [node("node-a"), node("node-b")],
    storageNodes: [storageNode("node-a"), storageNode("node-b")],
    pools: [pool],
    storageClasses: [storageClass],
  };
  const all: Record<string, unknown[]> = {};
  for (const part of [base, ...parts]) {
    for (const [kind, objects] of Object.entries(part)) all[kind] = [...(all[kind] ?? []), ...objects];
  }
  return clusterOf(all as Partial<Objects>, NOW);
}
