import {
  configMaps,
  events,
  leases,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
} from "../../kube/kinds.ts";
import type { Resource } from "../../kube/resource.ts";
import { deployments, podDisruptionBudgets, replicaSets, secrets, serviceAccounts, statefulSets } from "./kinds.ts";

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

/** The kinds whose owners are followed. Events have none, leases of nodes have their node. */
export const COLLECTED: readonly Resource[] = [
  ...NAMESPACED.filter((resource) => resource !== events),
  nodes,
  persistentVolumes,
];
