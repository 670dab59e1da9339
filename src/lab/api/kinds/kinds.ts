// Every kind of object that the lab serves: one row each. A new kind is a new row, its Go types in
// schema/recorded.ts, and rules or columns where it has some.
import {
  controllerRevisionColumns,
  daemonSetColumns,
  deploymentColumns,
  replicaSetColumns,
  statefulSetColumns,
} from "../kubectl/columns/apps.ts";
import { nameColumn, plainColumns, ageColumn, type Column } from "../kubectl/columns/column.ts";
import {
  configMapColumns,
  eventColumns,
  leaseColumns,
  namespaceColumns,
  nodeColumns,
  secretColumns,
  serviceAccountColumns,
  serviceColumns,
} from "../kubectl/columns/core.ts";
import { podColumns } from "../kubectl/columns/pod.ts";
import { budgetColumns, priorityColumns, bindingColumns } from "../kubectl/columns/policy.ts";
import {
  claimColumns,
  classColumns,
  csiDriverColumns,
  csiNodeColumns,
  volumeColumns,
} from "../kubectl/columns/storage.ts";
import { eventConversion } from "../events/event-conversion.ts";
import { customRows } from "./custom-kinds.ts";
import { textAt, type SelectableFields } from "../select/field-selector.ts";
import type { KindRow, KindRules, Subresource } from "./kind-row.ts";
import {
  controllerRevisionRules,
  daemonSetRules,
  deploymentRules,
  replicaSetRules,
  statefulSetRules,
} from "../rules/workloads/apps.ts";
import { configMapRules, secretRules } from "../rules/config.ts";
import { eventRules, modernEventRules } from "../rules/event.ts";
import { leaseRules } from "../rules/lease.ts";
import { namespaceRules } from "../rules/namespace.ts";
import { nodeRules } from "../rules/node.ts";
import { podRules } from "../rules/workloads/pod.ts";
import { budgetRules, priorityClassRules, roleBindingRules } from "../rules/workloads/policy.ts";
import { serviceRules } from "../rules/service.ts";
import { claimRules } from "../rules/storage/claim.ts";
import { classRules, csiDriverRules } from "../rules/storage/storage.ts";
import { volumeRules } from "../rules/storage/volume.ts";
import { webhookConfigurationRules } from "../rules/webhook.ts";

/** A kind that is asked by creating it, and never stored. */
export interface ReviewRow {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly type: string;
}

interface Given {
  readonly short?: readonly string[];
  /** @default the Go type of the kind's name */
  readonly type?: string;
  readonly cluster?: true;
  readonly inAll?: true;
  readonly sub?: readonly Subresource[];
  readonly names?: KindRow["names"];
  readonly generation?: true;
  readonly createOnUpdate?: true;
  readonly conditionalUpdate?: true;
  readonly returnsDeleted?: true;
  readonly statusOnCreate?: true;
  readonly fields?: SelectableFields;
  readonly columns?: readonly Column[];
  readonly rules?: KindRules;
}

/**
 * `kind("apps/v1", "Deployment", "deployments", …)`: namespaced, with nothing special, unless it
 * says so.
 */
function kind(groupVersion: string, name: string, plural: string, given: Given = {}): KindRow {
  const [first = "", second] = groupVersion.split("/");
  const group = second === undefined ? "" : first;
  const version = second ?? first;
  const goPackage = group === "" ? "core" : (group.split(".")[0] ?? "");
  return {
    group,
    version,
    plural,
    kind: name,
    namespaced: given.cluster !== true,
    shortNames: given.short ?? [],
    inAll: given.inAll ?? false,
    type: given.type ?? `${goPackage}.${version}.${name}`,
    collection: group === "" ? plural : `${plural}.${group}`,
    subresources: given.sub ?? [],
    names: given.names ?? "subdomain",
    generation: given.generation ?? false,
    createOnUpdate: given.createOnUpdate ?? false,
    conditionalUpdate: given.conditionalUpdate ?? false,
    returnsDeleted: given.returnsDeleted ?? false,
    statusOnCreate: given.statusOnCreate ?? false,
    fields: given.fields ?? {},
    columns: given.columns ?? plainColumns,
    rules: given.rules ?? {},
    convert: undefined,
  };
}

/** Fields that are read where their names say. */
function at(...paths: string[]): SelectableFields {
  return Object.fromEntries(paths.map((path) => [path, textAt(path)]));
}

const workload = { inAll: true, sub: ["status", "scale"], generation: true } as const;
const about = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
const RBAC = "rbac.authorization.k8s.io/v1";
const rbac = { names: "path", createOnUpdate: true } as const;

const coreEvents = kind("v1", "Event", "events", {
  short: ["ev"],
  createOnUpdate: true,
  fields: {
    ...at(...about.map((field) => `involvedObject.${field}`), "reason", "reportingComponent", "type"),
    source: (event) => textAt("source.component")(event) || textAt("reportingComponent")(event),
  },
  columns: eventColumns,
  rules: eventRules,
});

const rows: readonly KindRow[] = [
  kind("v1", "ConfigMap", "configmaps", { short: ["cm"], columns: configMapColumns, rules: configMapRules }),
  kind("v1", "Endpoints", "endpoints", { short: ["ep"], createOnUpdate: true, columns: [nameColumn, ageColumn] }),
  coreEvents,
  kind("v1", "Namespace", "namespaces", {
    short: ["ns"],
    cluster: true,
    sub: ["status", "finalize"],
    names: "label",
    returnsDeleted: true,
    fields: at("status.phase"),
    columns: namespaceColumns,
    rules: namespaceRules,
  }),
  kind("v1", "Node", "nodes", {
    short: ["no"],
    cluster: true,
    sub: ["status"],
    statusOnCreate: true,
    fields: { "spec.unschedulable": (node) => textAt("spec.unschedulable")(node) || "false" },
    columns: nodeColumns,
    rules: nodeRules,
  }),
  kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims", {
    short: ["pvc"],
    sub: ["status"],
    returnsDeleted: true,
    columns: claimColumns,
    rules: claimRules,
  }),
  kind("v1", "PersistentVolume", "persistentvolumes", {
    short: ["pv"],
    cluster: true,
    sub: ["status"],
    returnsDeleted: true,
    columns: volumeColumns,
    rules: volumeRules,
  }),
  kind("v1", "Pod", "pods", {
    short: ["po"],
    inAll: true,
    sub: ["status", "binding", "eviction", "log"],
    generation: true,
    returnsDeleted: true,
    fields: {
      ...at("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName"),
      ...at("status.phase", "status.podIP", "status.nominatedNodeName"),
      "spec.hostNetwork": (pod) => textAt("spec.hostNetwork")(pod) || "false",
    },
    columns: podColumns,
    rules: podRules,
  }),
  kind("v1", "Secret", "secrets", { fields: at("type"), columns: secretColumns, rules: secretRules }),
  kind("v1", "ServiceAccount", "serviceaccounts", {
    short: ["sa"],
    sub: ["token"],
    returnsDeleted: true,
    columns: serviceAccountColumns,
  }),
  kind("v1", "Service", "services", {
    short: ["svc"],
    inAll: true,
    sub: ["status"],
    names: "label",
    returnsDeleted: true,
    fields: at("spec.clusterIP", "spec.type"),
    columns: serviceColumns,
    rules: serviceRules,
  }),

  kind("apps/v1", "ControllerRevision", "controllerrevisions", {
    columns: controllerRevisionColumns,
    rules: controllerRevisionRules,
  }),
  kind("apps/v1", "DaemonSet", "daemonsets", {
    ...workload,
    short: ["ds"],
    sub: ["status"],
    columns: daemonSetColumns,
    rules: daemonSetRules,
  }),
  kind("apps/v1", "Deployment", "deployments", {
    ...workload,
    short: ["deploy"],
    columns: deploymentColumns,
    rules: deploymentRules,
  }),
  kind("apps/v1", "ReplicaSet", "replicasets", {
    ...workload,
    short: ["rs"],
    fields: { "status.replicas": (set) => textAt("status.replicas")(set) || "0" },
    columns: replicaSetColumns,
    rules: replicaSetRules,
  }),
  kind("apps/v1", "StatefulSet", "statefulsets", {
    ...workload,
    short: ["sts"],
    columns: statefulSetColumns,
    rules: statefulSetRules,
  }),

  kind("storage.k8s.io/v1", "CSIDriver", "csidrivers", {
    cluster: true,
    conditionalUpdate: true,
    returnsDeleted: true,
    columns: csiDriverColumns,
    rules: csiDriverRules,
  }),
  kind("storage.k8s.io/v1", "CSINode", "csinodes", {
    cluster: true,
    conditionalUpdate: true,
    returnsDeleted: true,
    columns: csiNodeColumns,
  }),
  kind("storage.k8s.io/v1", "StorageClass", "storageclasses", {
    short: ["sc"],
    cluster: true,
    returnsDeleted: true,
    columns: classColumns,
    rules: classRules,
  }),

  kind("coordination.k8s.io/v1", "Lease", "leases", {
    createOnUpdate: true,
    conditionalUpdate: true,
    columns: leaseColumns,
    rules: leaseRules,
  }),
  kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", { generation: true }),
  kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", {
    short: ["pdb"],
    sub: ["status"],
    generation: true,
    conditionalUpdate: true,
    columns: budgetColumns,
    rules: budgetRules,
  }),
  kind("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", {
    short: ["pc"],
    cluster: true,
    generation: true,
    columns: priorityColumns,
    rules: priorityClassRules,
  }),

  kind(RBAC, "ClusterRole", "clusterroles", { ...rbac, cluster: true }),
  kind(RBAC, "ClusterRoleBinding", "clusterrolebindings", {
    ...rbac,
    cluster: true,
    columns: bindingColumns,
    rules: roleBindingRules,
  }),
  kind(RBAC, "Role", "roles", rbac),
  kind(RBAC, "RoleBinding", "rolebindings", { ...rbac, columns: bindingColumns, rules: roleBindingRules }),

  kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", {
    cluster: true,
    generation: true,
    conditionalUpdate: true,
    type: "custom.Webhooks",
    rules: webhookConfigurationRules,
  }),
  // Kept, and not evaluated: what the shipped manifests say is what a cluster has.
  ...[
    ["ValidatingAdmissionPolicy", "validatingadmissionpolicies"] as const,
    ["ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"] as const,
  ].map(([name, plural]) =>
    kind("admissionregistration.k8s.io/v1", name, plural, {
      cluster: true,
      generation: true,
      conditionalUpdate: true,
      type: "custom.Object",
    }),
  ),
  // Kept only: the lab always serves our own kinds (custom-kinds.ts), and no others.
  kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", {
    short: ["crd", "crds"],
    cluster: true,
    sub: ["status"],
    generation: true,
    conditionalUpdate: true,
    type: "custom.Object",
  }),
  ...customRows,

  // The same objects as the core group's events, in another shape.
  {
    ...kind("events.k8s.io/v1", "Event", "events", {
      short: ["ev"],
      createOnUpdate: true,
      columns: eventColumns,
      rules: modernEventRules,
    }),
    collection: coreEvents.collection,
    fields: {
      ...Object.fromEntries(about.map((field) => [`regarding.${field}`, textAt(`involvedObject.${field}`)])),
      reason: textAt("reason"),
      reportingController: textAt("reportingComponent"),
      type: textAt("type"),
    },
    convert: eventConversion(coreEvents),
  },
];

const reviews: readonly ReviewRow[] = [
  ["SelfSubjectAccessReview", "selfsubjectaccessreviews"],
  ["SelfSubjectRulesReview", "selfsubjectrulesreviews"],
  ["SubjectAccessReview", "subjectaccessreviews"],
  ["LocalSubjectAccessReview", "localsubjectaccessreviews"],
  ["TokenReview", "tokenreviews"],
  ["SelfSubjectReview", "selfsubjectreviews"],
].map(([name = "", plural = ""]) => {
  const authentication = name === "TokenReview" || name === "SelfSubjectReview";
  return {
    group: authentication ? "authentication.k8s.io" : "authorization.k8s.io",
    version: "v1",
    plural,
    kind: name,
    namespaced: name.startsWith("Local"),
    type: `${authentication ? "authentication" : "authorization"}.v1.${name}`,
  };
});

const byPath = new Map(rows.map((row) => [`${row.group}/${row.version}/${row.plural}`, row]));
const reviewsByPath = new Map(reviews.map((row) => [`${row.group}/${row.version}/${row.plural}`, row]));

/** Every kind that is stored. */
export const KINDS: readonly KindRow[] = rows;
export const REVIEWS: readonly ReviewRow[] = reviews;

/** Whether there is such a group in such a version. */
export function isServed(group: string, version: string): boolean {
  const prefix = `${group}/${version}/`;
  return [...byPath.keys(), ...reviewsByPath.keys()].some((path) => path.startsWith(prefix));
}

export function kindAt(group: string, version: string, plural: string): KindRow | undefined {
  return byPath.get(`${group}/${version}/${plural}`);
}

export function reviewAt(group: string, version: string, plural: string): ReviewRow | undefined {
  return reviewsByPath.get(`${group}/${version}/${plural}`);
}
