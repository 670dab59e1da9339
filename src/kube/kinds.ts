import type { Lease } from "kubernetes-types/coordination/v1.js";
import type { ValidatingWebhookConfiguration } from "kubernetes-types/admissionregistration/v1.js";
import type {
  ConfigMap,
  Event,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
} from "kubernetes-types/core/v1.js";
import type { StorageClass } from "kubernetes-types/storage/v1.js";
import type { SelfSubjectAccessReview } from "kubernetes-types/authorization/v1.js";
import { defineResource } from "./resource.ts";

export type {
  ConfigMap,
  Event,
  Lease,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  SelfSubjectAccessReview,
  StorageClass,
  ValidatingWebhookConfiguration,
};

const core = { group: "", version: "v1" } as const;

export const pods = defineResource<Pod>({ ...core, plural: "pods", kind: "Pod", namespaced: true });
export const nodes = defineResource<Node>({ ...core, plural: "nodes", kind: "Node", namespaced: false });
export const namespaces = defineResource<Namespace>({
  ...core,
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
});
export const configMaps = defineResource<ConfigMap>({
  ...core,
  plural: "configmaps",
  kind: "ConfigMap",
  namespaced: true,
});
export const secrets = defineResource<Secret>({ ...core, plural: "secrets", kind: "Secret", namespaced: true });
export const events = defineResource<Event>({ ...core, plural: "events", kind: "Event", namespaced: true });
export const persistentVolumes = defineResource<PersistentVolume>({
  ...core,
  plural: "persistentvolumes",
  kind: "PersistentVolume",
  namespaced: false,
});
export const persistentVolumeClaims = defineResource<PersistentVolumeClaim>({
  ...core,
  plural: "persistentvolumeclaims",
  kind: "PersistentVolumeClaim",
  namespaced: true,
});
export const storageClasses = defineResource<StorageClass>({
  group: "storage.k8s.io",
  version: "v1",
  plural: "storageclasses",
  kind: "StorageClass",
  namespaced: false,
});
export const leases = defineResource<Lease>({
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
});
export const selfSubjectAccessReviews = defineResource<SelfSubjectAccessReview>({
  group: "authorization.k8s.io",
  version: "v1",
  plural: "selfsubjectaccessreviews",
  kind: "SelfSubjectAccessReview",
  namespaced: false,
});
export const validatingWebhookConfigurations = defineResource<ValidatingWebhookConfiguration>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  plural: "validatingwebhookconfigurations",
  kind: "ValidatingWebhookConfiguration",
  namespaced: false,
});
