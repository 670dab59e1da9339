import {
  configMaps,
  events,
  leases,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
} from "../../kube/kinds.ts";
import type { Resource } from "../../kube/resource.ts";
import {
  controllerRevisions,
  daemonSets,
  deployments,
  endpoints,
  endpointSlices,
  podDisruptionBudgets,
  replicaSets,
  roleBindings,
  roles,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
} from "../objects/kinds.ts";

/** The namespaced kinds that a namespace is emptied of, workloads before what they make. */
export const NAMESPACED: readonly Resource[] = [
  deployments,
  statefulSets,
  replicaSets,
  pods,
  persistentVolumeClaims,
  configMaps,
  secrets,
  serviceAccounts,
  podDisruptionBudgets,
  leases,
  events,
];

/** More of them, whose owners nobody follows here. */
export const NAMESPACED_ONLY: readonly Resource[] = [
  controllerRevisions,
  daemonSets,
  endpoints,
  endpointSlices,
  roleBindings,
  roles,
  services,
];

/** The kinds whose owners are followed. Events have none, leases of nodes have their node. */
export const COLLECTED: readonly Resource[] = [
  ...NAMESPACED.filter((resource) => resource !== events),
  namespaces,
  nodes,
  persistentVolumes,
];
