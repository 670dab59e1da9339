import { WatchedPods, type PodStore } from "../../classic/helper/pods/pod-store.ts";
import { VolumeLocations } from "../../classic/directory/locations.ts";
import { watchCluster, type Watched } from "../../controller/watched.ts";
import { Informer, type InformerDeps } from "../../kube/watch/informer.ts";
import { pods, type Pod } from "../../kube/kinds.ts";

/** What the classic driver watches: the cluster, and the pods of its own namespace. */
export interface ClassicWatch extends Watched {
  /**
   * The index of volumes by directory. It is updated before every handler that is added later is
   * called.
   */
  readonly places: VolumeLocations;
  readonly helpers: PodStore;
}

export function watchClassic(deps: InformerDeps, namespace: string, provisioner: string): ClassicWatch {
  const cluster = watchCluster(deps);
  const podInformer = new Informer<Pod>(deps, { resource: pods, namespace });
  const places = new VolumeLocations();
  cluster.volumes.onChange((change) => {
    if (change.type === "deleted") places.delete(change.key);
    else places.set(change.object);
  });
  return {
    cluster,
    places,
    helpers: new WatchedPods(podInformer, namespace, provisioner),
    informers: [...Object.values(cluster), podInformer],
  };
}
