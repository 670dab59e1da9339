import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "kubernetes-types/apps/v1.js";
import type { PersistentVolumeClaim, PodTemplateSpec } from "kubernetes-types/core/v1.js";
import type { LabelSelector } from "kubernetes-types/meta/v1.js";
import { sameJson, thaw, type Draft, type LabObject } from "../../../store/object.ts";
import type { FieldErrors } from "../../errors/field-errors.ts";
import type { KindRules } from "../../kinds/kind-row.ts";
import { labelTest } from "../../select/label-selector.ts";
import { validateImmutable } from "../../writes/metadata.ts";
import { defaultClaimSpec, validateClaimSpec } from "../storage/claim.ts";
import { defaultPodSpec, validatePodSpec } from "./pod-spec.ts";

/** The parts that all workloads have. */
interface WorkloadSpec {
  replicas?: number;
  selector?: LabelSelector;
  template: PodTemplateSpec;
  revisionHistoryLimit?: number;
}

type Workload<Spec extends WorkloadSpec> = Draft & { spec: Spec };

function defaultTemplate(draft: Draft): void {
  const workload = draft as Workload<WorkloadSpec>;
  workload.spec = (workload.spec as WorkloadSpec | undefined) ?? { template: {} };
  workload.spec.template = (workload.spec.template as PodTemplateSpec | undefined) ?? {};
  workload.spec.template.spec ??= { containers: [] };
  defaultPodSpec(workload.spec.template.spec);
}

function validateWorkload(draft: Draft, errors: FieldErrors, claims: readonly string[] = []): void {
  const { spec } = draft as Workload<WorkloadSpec>;
  const { template } = spec;
  const selector = spec.selector ?? undefined;
  const size = Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions ?? []).length;
  // Upstream says deployment of a replica set as well.
  const kind = draft.kind === "ReplicaSet" ? "deployment" : draft.kind.toLowerCase();
  if (selector === undefined) errors.required("spec.selector");
  else if (size === 0) errors.invalid("spec.selector", selector, `empty selector is invalid for ${kind}`);
  if (!labelTest(selector)(template.metadata?.labels ?? {})) {
    errors.invalid(
      "spec.template.metadata.labels",
      template.metadata?.labels ?? null,
      "`selector` does not match template `labels`",
    );
  }
  if ((spec.replicas ?? 0) < 0) errors.invalid("spec.replicas", spec.replicas, "must be greater than or equal to 0");
  if (template.spec !== undefined) validatePodSpec(template.spec, "spec.template.spec", errors, claims);
  const policy = template.spec?.restartPolicy;
  if (policy === "Never" || policy === "OnFailure")
    errors.notSupported("spec.template.spec.restartPolicy", policy, ["Always"]);
}

function validateSelector(draft: Draft, before: LabObject, errors: FieldErrors): void {
  const next = (draft as Workload<WorkloadSpec>).spec.selector;
  validateImmutable("spec.selector", next, (before as unknown as Workload<WorkloadSpec>).spec.selector, errors);
}

/** The status endpoint of deployments and replica sets takes no labels. */
function keepLabels(draft: Draft, before: LabObject): void {
  delete draft.metadata.labels;
  if (before.metadata.labels !== undefined) draft.metadata.labels = thaw(before.metadata.labels);
}

export const deploymentRules: KindRules = {
  defaults: (draft) => {
    defaultTemplate(draft);
    const { spec } = draft as Workload<NonNullable<Deployment["spec"]>>;
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ??= "RollingUpdate";
    if (spec.strategy.type === "RollingUpdate") {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxUnavailable ??= "25%";
      spec.strategy.rollingUpdate.maxSurge ??= "25%";
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
  },
  status: keepLabels,
  validate: (draft, errors) => {
    validateWorkload(draft, errors);
  },
  validateUpdate: validateSelector,
};

export const replicaSetRules: KindRules = {
  defaults: (draft) => {
    defaultTemplate(draft);
    (draft as Workload<NonNullable<ReplicaSet["spec"]> & WorkloadSpec>).spec.replicas ??= 1;
  },
  validate: (draft, errors) => {
    validateWorkload(draft, errors);
  },
  validateUpdate: validateSelector,
};

export const daemonSetRules: KindRules = {
  defaults: (draft) => {
    defaultTemplate(draft);
    const { spec } = draft as Workload<NonNullable<DaemonSet["spec"]>>;
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ??= "RollingUpdate";
    if (spec.updateStrategy.type === "RollingUpdate") {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
  },
  validate: (draft, errors) => {
    validateWorkload(draft, errors);
  },
  validateUpdate: validateSelector,
};

export const statefulSetRules: KindRules = {
  defaults: (draft) => {
    defaultTemplate(draft);
    const { spec } = draft as Workload<NonNullable<StatefulSet["spec"]>>;
    spec.replicas ??= 1;
    if ((spec.podManagementPolicy ?? "") === "") spec.podManagementPolicy = "OrderedReady";
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ??= "RollingUpdate";
    if (spec.updateStrategy.type === "RollingUpdate") {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.partition ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ??= "Retain";
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ??= "Retain";
    for (const template of spec.volumeClaimTemplates ?? []) {
      template.apiVersion ??= "v1";
      template.kind ??= "PersistentVolumeClaim";
      defaultClaimSpec(template as { spec: NonNullable<PersistentVolumeClaim["spec"]> });
      Object.assign(template, { status: { phase: "Pending", ...template.status } });
    }
  },
  validate: (draft, errors) => {
    const { spec } = draft as Workload<NonNullable<StatefulSet["spec"]>>;
    const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? "");
    validateWorkload(draft, errors, claims);
    (spec.volumeClaimTemplates ?? []).forEach((template, index) => {
      validateClaimSpec(template.spec ?? {}, `spec.volumeClaimTemplates[${String(index)}].spec`, errors);
    });
  },
  validateUpdate: (draft, before, errors) => {
    const next = (draft as Workload<NonNullable<StatefulSet["spec"]>>).spec;
    const old = (before as unknown as Workload<NonNullable<StatefulSet["spec"]>>).spec;
    for (const field of ["selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy"] as const) {
      validateImmutable(`spec.${field}`, next[field], old[field], errors);
    }
  },
};

export const controllerRevisionRules: KindRules = {
  validate: (draft, errors) => {
    const { revision } = draft as Draft & ControllerRevision;
    if (revision < 0) errors.invalid("revision", revision, "must be greater than or equal to 0");
  },
  validateUpdate: (draft, before, errors) => {
    if (!sameJson(draft["data"], before["data"])) errors.invalid("data", draft["data"], "field is immutable");
  },
};
