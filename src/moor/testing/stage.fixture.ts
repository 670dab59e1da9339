/* The objects of objects.fixture.ts behind an API server, and what a controller would say. */
import { volumeMoves, type VolumeMove, type VolumeMoveStatus } from "../../api/kinds/volume-move.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { pathOf, type Resource } from "../../kube/resource.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, pods } from "../../kube/kinds.ts";
import { localVolumes } from "../../api/kinds/local-volume.ts";
import { storageNodes } from "../../api/kinds/storage-node.ts";
import { storagePools } from "../../api/kinds/storage-pool.ts";
import { volumeCopies } from "../../api/kinds/volume-copy.ts";
import { LabKube, type Put } from "../../lab/api/testing/lab-kube.fixture.ts";
import type { Objects } from "../cluster/cluster.ts";
import { node, NOW, pool, storageNode } from "./objects.fixture.ts";

const RESOURCES: readonly (readonly [keyof Objects, Resource<KubeObject>])[] = [
  ["nodes", nodes as Resource<KubeObject>],
  ["storageNodes", storageNodes as Resource<KubeObject>],
  ["pools", storagePools as Resource<KubeObject>],
  ["persistentVolumes", persistentVolumes as Resource<KubeObject>],
  ["claims", persistentVolumeClaims as Resource<KubeObject>],
  ["volumes", localVolumes as unknown as Resource<KubeObject>],
  ["copies", volumeCopies as unknown as Resource<KubeObject>],
  ["pods", pods as Resource<KubeObject>],
  ["moves", volumeMoves as unknown as Resource<KubeObject>],
];

/** Two nodes with agents and a pool, and what is given. */
export function stage(...parts: readonly Partial<Objects>[]) {
  const clock = manualClock(NOW);
  const kube = new LabKube({ clock });
  const base: Partial<Objects> = {
    nodes: [node("node-a"), node("node-b")],
    storageNodes: [storageNode("node-a"), storageNode("node-b")],
    pools: [pool],
  };
  for (const part of [base, ...parts]) {
    for (const [kind, resource] of RESOURCES) {
      for (const object of part[kind] ?? []) kube.putUnruled(pathIn(resource, object), object as Put);
    }
  }
  const client = new KubeClient(kube);
  /** Writes a move's status, as its controller does. */
  const say = (name: string, status: VolumeMoveStatus): void => {
    const path = pathOf(volumeMoves, { name });
    const found = kube.at(path) as VolumeMove | undefined;
    if (found === undefined) throw new Error(`there is no VolumeMove ${name}`);
    kube.putUnruled(path, { ...found, status });
  };
  return { clock, kube, client, say, moves: () => kube.list(pathOf(volumeMoves, {})) as readonly VolumeMove[] };
}

function pathIn(resource: Resource<KubeObject>, { metadata }: KubeObject): string {
  return pathOf(resource, { name: metadata?.name ?? "", namespace: metadata?.namespace });
}
