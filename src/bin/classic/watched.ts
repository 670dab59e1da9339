import { podStore, type PodStore } from "../../classic/helper/pod-store.ts";
import { VolumePlaces } from "../../classic/places.ts";
import { Informer, type InformerDeps } from "../../kube/informer.ts";
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
} from "../../kube/kinds.ts";
import { volumeIndexes } from "../../provision/indexes.ts";

/** Everything the driver and the provisioning loop watch. */
export interface Watched {
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly nodes: Informer<Node>;
  /** Which directory belongs to which volume; follows `volumes`, ahead of every handler that is added later. */
  readonly places: VolumePlaces;
  /** The pods of the driver's namespace. */
  readonly pods: PodStore;
  /** Watches until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves once everything has been listed. */
  synced(signal: AbortSignal): Promise<void>;
}

export function watch(deps: InformerDeps, namespace: string): Watched {
  const claims = new Informer<PersistentVolumeClaim>(deps, { resource: persistentVolumeClaims });
  const volumes = new Informer<PersistentVolume>(deps, { resource: persistentVolumes, indexes: volumeIndexes });
  const classes = new Informer<StorageClass>(deps, { resource: storageClasses });
  const nodeInformer = new Informer<Node>(deps, { resource: nodes });
  const podInformer = new Informer<Pod>(deps, { resource: pods, namespace });
  const places = new VolumePlaces();
  volumes.onChange((change) => {
    if (change.type === "deleted") places.delete(change.key);
    else places.set(change.object);
  });
  const all = [claims, volumes, classes, nodeInformer, podInformer];
  return {
    claims,
    volumes,
    classes,
    nodes: nodeInformer,
    places,
    pods: podStore(podInformer, namespace),
    run: async (signal) => {
      await Promise.all(all.map((informer) => informer.run(signal)));
    },
    synced: async (signal) => {
      await Promise.all(all.map((informer) => informer.synced(signal)));
    },
  };
}
