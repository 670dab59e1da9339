import type { Deployment, ReplicaSet, StatefulSet } from "kubernetes-types/apps/v1.js";
import type { Secret, ServiceAccount } from "kubernetes-types/core/v1.js";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.js";
import { defineResource, type Resource } from "../../kube/resource.ts";

/** Kinds that the product does not touch but the controllers do. */
export type { Deployment, PodDisruptionBudget, ReplicaSet, Secret, ServiceAccount, StatefulSet };

const core = { group: "", version: "v1" } as const;
const apps = { group: "apps", version: "v1", namespaced: true } as const;

export const secrets = defineResource<Secret>({ ...core, plural: "secrets", kind: "Secret", namespaced: true });
export const serviceAccounts = defineResource<ServiceAccount>({
  ...core,
  plural: "serviceaccounts",
  kind: "ServiceAccount",
  namespaced: true,
});
export const deployments = defineResource<Deployment>({ ...apps, plural: "deployments", kind: "Deployment" });
export const replicaSets = defineResource<ReplicaSet>({ ...apps, plural: "replicasets", kind: "ReplicaSet" });
export const statefulSets = defineResource<StatefulSet>({ ...apps, plural: "statefulsets", kind: "StatefulSet" });
export const podDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: "policy",
  version: "v1",
  plural: "poddisruptionbudgets",
  kind: "PodDisruptionBudget",
  namespaced: true,
});

/** Kinds that are only ever removed with their namespace. */
const plain = (group: string, plural: string, kind: string): Resource =>
  defineResource({ group, version: "v1", plural, kind, namespaced: true });
export const controllerRevisions = plain("apps", "controllerrevisions", "ControllerRevision");
export const daemonSets = plain("apps", "daemonsets", "DaemonSet");
export const endpoints = plain("", "endpoints", "Endpoints");
export const endpointSlices = plain("discovery.k8s.io", "endpointslices", "EndpointSlice");
export const roleBindings = plain("rbac.authorization.k8s.io", "rolebindings", "RoleBinding");
export const roles = plain("rbac.authorization.k8s.io", "roles", "Role");
export const services = plain("", "services", "Service");
