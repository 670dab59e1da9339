import { watchCluster, type Watched } from "../../controller/watched.ts";
import { Informer, type InformerDeps } from "../../kube/watch/informer.ts";
import { pods, type Pod } from "../../kube/kinds.ts";
import { slimPod } from "../../kube/watch/projection.ts";
import { keeperIndex } from "../../movable/keepers/keepers.ts";
import { watchKinds, type WatchedKinds } from "../../movable/watched.ts";
import { scoutIndex } from "../../move/scouts/scout.ts";
import { podIndexes } from "../../provision/indexes.ts";

/** What `mooring controller` watches. */
export interface MooringWatch extends Watched {
  readonly pods: Informer<Pod>;
  readonly kinds: WatchedKinds;
}

export function watchMooring(deps: InformerDeps, namespace: string): MooringWatch {
  const cluster = watchCluster(deps, scoutIndex(namespace));
  const indexes = { ...podIndexes, ...keeperIndex(namespace), ...scoutIndex(namespace) };
  const podInformer = new Informer<Pod>(deps, { resource: pods, project: slimPod, indexes });
  const kinds = watchKinds(deps);
  return {
    cluster,
    pods: podInformer,
    kinds,
    informers: [...Object.values(cluster), podInformer, ...Object.values(kinds)],
  };
}
