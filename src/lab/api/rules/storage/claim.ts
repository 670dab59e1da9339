// PersistentVolumeClaims: reference/kubernetes rules of what may change after creation
// (ValidatePersistentVolumeClaimUpdate), and the two admission plugins that a stock cluster has for
// them: the default class and the protection finalizer.
import type { PersistentVolumeClaim } from "kubernetes-types/core/v1.js";
import type { StorageClass } from "kubernetes-types/storage/v1.js";
import { compareQuantities, parseQuantity } from "../../../../kube/quantity.ts";
import { sameJson, thaw, type Draft } from "../../../store/object.ts";
import { forbidden } from "../../errors/failure.ts";
import type { FieldErrors } from "../../errors/field-errors.ts";
import type { KindRules, RuleContext } from "../../kinds/kind-row.ts";
import { validateImmutable } from "../../writes/metadata.ts";

type ClaimDraft = Draft & {
  spec: NonNullable<PersistentVolumeClaim["spec"]>;
  status?: PersistentVolumeClaim["status"];
};

const PROTECTION = "kubernetes.io/pvc-protection";
const BETA_CLASS = "volume.beta.kubernetes.io/storage-class";
const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";
const BETA_DEFAULT_CLASS = "storageclass.beta.kubernetes.io/is-default-class";
export const ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
export const VOLUME_MODES = ["Block", "Filesystem"];

export const claimRules: KindRules = {
  defaults: (draft) => {
    const claim = draft as ClaimDraft;
    defaultClaimSpec(claim);
    claim.status = { phase: "Pending", ...claim.status };
  },
  create: (draft, context) => {
    const claim = draft as ClaimDraft;
    claim.status = { phase: "Pending" };
    const { finalizers = [] } = claim.metadata;
    if (!finalizers.includes(PROTECTION)) claim.metadata.finalizers = [...finalizers, PROTECTION];
    admitDefaultClass(claim, context);
  },
  admitUpdate: (draft, before, context) => {
    admitGrowth(draft as ClaimDraft, before as unknown as ClaimDraft, context);
  },
  validate: (draft, errors) => {
    validateClaimSpec((draft as ClaimDraft).spec, "spec", errors);
  },
  validateUpdate: (draft, before, errors) => {
    const claim = draft as ClaimDraft;
    const old = before as unknown as ClaimDraft;
    const next = thaw(claim.spec);
    const allowed = thaw(old.spec);
    const bound = claim.status?.phase === "Bound";
    if ((old.spec.volumeName ?? "") === "") setOrDelete(allowed, next, "volumeName");
    const betaBefore = old.metadata.annotations?.[BETA_CLASS];
    const betaAfter = claim.metadata.annotations?.[BETA_CLASS];
    if (betaBefore !== betaAfter) {
      errors.invalid(`metadata.annotations[${BETA_CLASS}]`, betaAfter ?? "", "field is immutable");
    }
    // A claim that was made before there was a default class may be given one.
    if (betaBefore === undefined && old.spec.storageClassName === undefined)
      setOrDelete(allowed, next, "storageClassName");
    if (bound) {
      if (next.resources?.requests !== undefined && old.spec.resources?.requests?.["storage"] !== undefined) {
        next.resources.requests["storage"] = old.spec.resources.requests["storage"];
      }
      const both = [next, allowed] as unknown as { volumeAttributesClassName?: string }[];
      for (const each of both) delete each.volumeAttributesClassName;
    }
    if (!sameJson(next, allowed)) {
      errors.forbidden(
        "spec",
        "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
      );
    }
    validateShrinking(claim, old, errors);
    validateImmutable("volumeMode", claim.spec.volumeMode, old.spec.volumeMode, errors);
  },
};

/** What is filled in for a claim, and for a template of one. */
export function defaultClaimSpec(claim: Pick<ClaimDraft, "spec">): void {
  claim.spec = (claim.spec as ClaimDraft["spec"] | undefined) ?? {};
  claim.spec.volumeMode ??= "Filesystem";
}

export function validateClaimSpec(spec: ClaimDraft["spec"], path: string, errors: FieldErrors): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.required(`${path}.accessModes`, "at least 1 access mode is required");
  validateAccessModes(modes, path, errors);
  const size = spec.resources?.requests?.["storage"];
  if (size === undefined) errors.required(`${path}.resources[storage]`);
  else if (parseQuantity(size).nano <= 0n)
    errors.invalid(`${path}.resources[storage]`, size, "must be greater than zero");
  if (!VOLUME_MODES.includes(spec.volumeMode ?? "Filesystem")) {
    errors.notSupported(`${path}.volumeMode`, spec.volumeMode, VOLUME_MODES);
  }
}

export function validateAccessModes(modes: readonly string[], path: string, errors: FieldErrors): void {
  for (const mode of modes)
    if (!ACCESS_MODES.includes(mode)) errors.notSupported(`${path}.accessModes`, mode, ACCESS_MODES);
  if (modes.includes("ReadWriteOncePod") && modes.some((mode) => mode !== "ReadWriteOncePod")) {
    errors.forbidden(`${path}.accessModes`, "may not use ReadWriteOncePod with other access modes");
  }
}

function validateShrinking(claim: ClaimDraft, old: ClaimDraft, errors: FieldErrors): void {
  const wanted = claim.spec.resources?.requests?.["storage"];
  const before = old.spec.resources?.requests?.["storage"];
  if (wanted === undefined || before === undefined) return;
  if (compareQuantities(parseQuantity(wanted), parseQuantity(before)) >= 0) return;
  const capacity = old.status?.capacity?.["storage"] ?? "0";
  if (compareQuantities(parseQuantity(wanted), parseQuantity(capacity)) <= 0) {
    errors.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
  }
}

/**
 * The PersistentVolumeClaimResize admission plugin: only what a class that allows it has
 * provisioned may grow.
 */
function admitGrowth(claim: ClaimDraft, old: ClaimDraft, context: RuleContext): void {
  const wanted = claim.spec.resources?.requests?.["storage"];
  const before = old.spec.resources?.requests?.["storage"];
  if (wanted === undefined || before === undefined) return;
  if (compareQuantities(parseQuantity(wanted), parseQuantity(before)) <= 0) return;
  const refuse = (why: string): Error =>
    forbidden({ group: "", plural: "persistentvolumeclaims" }, claim.metadata.name ?? "", why);
  if (old.status?.phase !== "Bound") throw refuse("Only bound persistent volume claims can be expanded");
  const name = claim.metadata.annotations?.[BETA_CLASS] ?? claim.spec.storageClassName ?? "";
  const found = name === "" ? undefined : context.read("storageclasses.storage.k8s.io", undefined, name);
  if ((found as StorageClass | undefined)?.allowVolumeExpansion === true) return;
  throw refuse(
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
  );
}

/** The DefaultStorageClass admission plugin: of several default classes the newest. */
function admitDefaultClass(claim: ClaimDraft, context: RuleContext): void {
  if (claim.spec.storageClassName !== undefined || claim.metadata.annotations?.[BETA_CLASS] !== undefined) return;
  const classes = context.list("storageclasses.storage.k8s.io") as unknown as StorageClass[];
  const defaults = classes.filter(({ metadata }) =>
    [DEFAULT_CLASS, BETA_DEFAULT_CLASS].some((annotation) => metadata?.annotations?.[annotation] === "true"),
  );
  const created = ({ metadata }: StorageClass): string => metadata?.creationTimestamp ?? "";
  const name = ({ metadata }: StorageClass): string => metadata?.name ?? "";
  const [newest] = defaults.sort((a, b) =>
    created(b) > created(a) ? 1 : created(b) < created(a) ? -1 : name(a) < name(b) ? -1 : 1,
  );
  if (newest !== undefined) claim.spec.storageClassName = name(newest);
}

function setOrDelete<T extends object, K extends keyof T>(target: T, source: T, field: K): void {
  if (source[field] === undefined) delete target[field];
  else target[field] = source[field];
}
