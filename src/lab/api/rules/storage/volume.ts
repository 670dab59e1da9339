// PersistentVolumes: what may change after creation is nearly nothing
// (ValidatePersistentVolumeUpdate), and the protection finalizer of admission.
import type { PersistentVolume, PersistentVolumeSpec } from "kubernetes-types/core/v1.js";
import { parseQuantity } from "../../../../kube/quantity.ts";
import { secondsTime } from "../../../../kube/timestamps.ts";
import { sameJson, type Draft } from "../../../store/object.ts";
import type { FieldErrors } from "../../errors/field-errors.ts";
import { internalForm } from "../../errors/go-text.ts";
import type { KindRules } from "../../kinds/kind-row.ts";
import { validateImmutable } from "../../writes/metadata.ts";
import { validateAccessModes, VOLUME_MODES } from "./claim.ts";

/** kubernetes-types is of an older Kubernetes than the lab. */
type Status = NonNullable<PersistentVolume["status"]> & { lastPhaseTransitionTime?: string | null };
type VolumeDraft = Draft & { spec: PersistentVolumeSpec; status?: Status };

const PROTECTION = "kubernetes.io/pv-protection";
/** Fields of the spec that say how, not where: all others are the volume's source. */
const COMMON = [
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode",
];

export const volumeRules: KindRules = {
  defaults: (draft) => {
    const volume = draft as VolumeDraft;
    volume.spec = (volume.spec as PersistentVolumeSpec | undefined) ?? {};
    volume.spec.persistentVolumeReclaimPolicy ??= "Retain";
    volume.spec.volumeMode ??= "Filesystem";
    if (volume.spec.hostPath !== undefined) volume.spec.hostPath.type ??= "";
    const ref = volume.spec.claimRef;
    if (ref !== undefined && ref.uid === "") delete ref.uid;
    volume.status = { phase: "Pending", ...volume.status };
  },
  create: (draft, context) => {
    const volume = draft as VolumeDraft;
    volume.status = { phase: "Pending", lastPhaseTransitionTime: secondsTime(context.now) } as Status;
    const { finalizers = [] } = volume.metadata;
    if (!finalizers.includes(PROTECTION)) volume.metadata.finalizers = [...finalizers, PROTECTION];
  },
  status: (draft, before, context) => {
    const { status } = draft as VolumeDraft;
    const old = before["status"] as Status | undefined;
    if (status === undefined) return;
    if (status.phase === old?.phase) {
      if (old?.lastPhaseTransitionTime !== undefined) status.lastPhaseTransitionTime ??= old.lastPhaseTransitionTime;
    } else if ((status.lastPhaseTransitionTime ?? old?.lastPhaseTransitionTime) === old?.lastPhaseTransitionTime) {
      status.lastPhaseTransitionTime = secondsTime(context.now);
    }
  },
  validate: (draft, errors) => {
    validateSpec((draft as VolumeDraft).spec, errors);
  },
  validateUpdate: (draft, before, errors) => {
    const { spec } = draft as VolumeDraft;
    const old = (before as unknown as VolumeDraft).spec;
    if (!sameJson(sourceOf(spec, old), sourceOf(old, old))) {
      errors.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation");
    }
    validateImmutable("volumeMode", spec.volumeMode, old.volumeMode, errors);
    if (old.nodeAffinity !== undefined && !sameJson(withGaLabels(old.nodeAffinity), withGaLabels(spec.nodeAffinity))) {
      errors.invalid(
        "nodeAffinity",
        internalForm("core.v1.VolumeNodeAffinity", spec.nodeAffinity),
        "field is immutable, except for updating from beta label to GA",
      );
    }
  },
};

function validateSpec(spec: PersistentVolumeSpec, errors: FieldErrors): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.required("spec.accessModes");
  validateAccessModes(modes, "spec", errors);
  const capacity = Object.entries(spec.capacity ?? {});
  if (capacity.length === 0) errors.required("spec.capacity");
  if (spec.capacity?.["storage"] === undefined || capacity.length > 1) {
    errors.notSupported("spec.capacity", spec.capacity ?? null, ["storage"]);
  }
  for (const [name, size] of capacity) {
    if (parseQuantity(size).nano < 0n)
      errors.invalid(`spec.capacity[${name}]`, Number(size), "must be a valid resource quantity");
    if (parseQuantity(size).nano <= 0n) errors.invalid(`spec.capacity[${name}]`, size, "must be greater than zero");
  }
  const policies = ["Delete", "Recycle", "Retain"];
  if (!policies.includes(spec.persistentVolumeReclaimPolicy ?? "")) {
    errors.notSupported("spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, policies);
  }
  validateAffinity(spec, errors);
  const sources = Object.keys(spec).filter((field) => !COMMON.includes(field));
  if (sources.length === 0) errors.required("spec", "must specify a volume type");
  for (const extra of sources.slice(1)) errors.forbidden(`spec.${extra}`, "may not specify more than 1 volume type");
  if (spec.hostPath?.path === "") errors.required("spec.hostPath.path");
  if (spec.local?.path === "") errors.required("spec.local.path");
  if (spec.local !== undefined && spec.nodeAffinity === undefined) {
    errors.required("spec.nodeAffinity", "Local volume requires node affinity");
  }
  for (const [field, path] of [
    ["hostPath", spec.hostPath?.path],
    ["local", spec.local?.path],
  ] as const) {
    if (path?.split("/").includes("..")) errors.invalid(`spec.${field}.path`, path, "must not contain '..'");
  }
  if (!VOLUME_MODES.includes(spec.volumeMode ?? ""))
    errors.notSupported("spec.volumeMode", spec.volumeMode, VOLUME_MODES);
}

function validateAffinity(spec: PersistentVolumeSpec, errors: FieldErrors): void {
  if (spec.nodeAffinity === undefined) return;
  const { required } = spec.nodeAffinity as {
    required?: NonNullable<PersistentVolumeSpec["nodeAffinity"]>["required"];
  };
  if (required === undefined) {
    errors.required("spec.nodeAffinity.required", "must specify required node constraints");
    return;
  }
  const terms = (required.nodeSelectorTerms as typeof required.nodeSelectorTerms | null) ?? [];
  if (terms.length === 0)
    errors.required("spec.nodeAffinity.required.nodeSelectorTerms", "must have at least one node selector term");
  terms.forEach((term, termIndex) => {
    (term.matchExpressions ?? []).forEach(({ operator, values = [] }, index) => {
      const field = `spec.nodeAffinity.required.nodeSelectorTerms[${String(termIndex)}].matchExpressions[${String(index)}]`;
      if (operator === "In" || operator === "NotIn") {
        if (values.length === 0)
          errors.required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      } else if (operator === "Exists" || operator === "DoesNotExist") {
        if (values.length > 0)
          errors.forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      } else if (operator === "Gt" || operator === "Lt") {
        if (values.length !== 1)
          errors.required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
      } else errors.invalid(`${field}.operator`, operator, "not a valid selector operator");
    });
  });
}

/** Where the volume is. The secret for expansion may be added once. */
function sourceOf(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): object {
  const source = Object.fromEntries(Object.entries(spec).filter(([field]) => !COMMON.includes(field)));
  if (spec.csi === undefined || old.csi?.controllerExpandSecretRef !== undefined) return source;
  const { controllerExpandSecretRef: _added, ...csi } = spec.csi;
  return { ...source, csi };
}

const GA_LABELS: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": "kubernetes.io/arch",
  "beta.kubernetes.io/os": "kubernetes.io/os",
  "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
};

function withGaLabels(affinity: unknown): unknown {
  return JSON.parse(JSON.stringify(affinity ?? null), (key, value: unknown) =>
    key === "key" && typeof value === "string" ? (GA_LABELS[value] ?? value) : value,
  );
}
