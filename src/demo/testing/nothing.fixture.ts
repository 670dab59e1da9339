import type { ClusterSnapshot } from "../cluster/view.ts";

/** A cluster in which the demo sees nothing. */
export const NOTHING: ClusterSnapshot = {
  nodes: [],
  pods: [],
  claims: [],
  volumes: [],
  classes: [],
  statefulSets: [],
  deployments: [],
  events: [],
  localVolumes: [],
  moves: [],
};
