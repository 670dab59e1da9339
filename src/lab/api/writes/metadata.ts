// The rules for metadata that hold for every kind (apimachinery, ValidateObjectMeta and
// BeforeCreate/BeforeUpdate).
import type { Random } from "../../../effects/random.ts";
import { secondsTime } from "../../../kube/timestamps.ts";
import { sameJson, type Draft, type LabObject } from "../../store/object.ts";
import { badRequest } from "../errors/failure.ts";
import type { FieldErrors } from "../errors/field-errors.ts";
import type { KindRow } from "../kinds/kind-row.ts";
import {
  labelNameFaults,
  labelValueFaults,
  pathNameFaults,
  qualifiedNameFaults,
  subdomainFaults,
} from "../kinds/names.ts";

/** What the annotations of one object may have together. */
const ANNOTATIONS_LIMIT = 256 * 1024;

/** Those may stand without a domain. */
const STANDARD_FINALIZERS = ["kubernetes", "orphan", "foregroundDeletion"];

/**
 * Letters of generated names: none that make words or look alike (k8s.io/apimachinery util/rand).
 */
const LETTERS = "bcdfghjklmnpqrstvwxz2456789";
const GENERATED_LENGTH = 5;
const LONGEST_NAME = 63;

/** Five random letters as they end generated names. */
export function randomSuffix(random: Random, length = GENERATED_LENGTH): string {
  return Array.from({ length }, () => LETTERS[Math.floor(random.float() * LETTERS.length)]).join("");
}

/** `generateName` cut so that the whole stays within 63 characters, and five random letters. */
export function generatedName(prefix: string, random: Random): string {
  return prefix.slice(0, LONGEST_NAME - GENERATED_LENGTH) + randomSuffix(random);
}

/** Sets what a creation sets, and drops what no client may. */
export function fillCreated(draft: Draft, row: KindRow, now: number, random: Random): void {
  const { metadata } = draft;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.resourceVersion;
  metadata.uid = random.uuid();
  metadata.creationTimestamp = secondsTime(now);
  if (row.generation) metadata.generation = 1;
}

/** Puts back what an update may leave out or cannot change, before the update is judged. */
export function fillUpdated(draft: Draft, before: LabObject): void {
  const { metadata } = draft;
  const old = before.metadata;
  if (old.generation === undefined) delete metadata.generation;
  else metadata.generation = old.generation;
  if (metadata.uid === undefined || metadata.uid === "") setOrDelete(metadata, "uid", old.uid);
  setOrDelete(metadata, "creationTimestamp", old.creationTimestamp);
  if (old.deletionTimestamp !== undefined) metadata.deletionTimestamp = old.deletionTimestamp;
  if (old.deletionGracePeriodSeconds !== undefined)
    metadata.deletionGracePeriodSeconds ??= old.deletionGracePeriodSeconds;
  delete metadata.selfLink;
}

/** 400 when the object names another namespace than the URL; fills in the URL's. */
export function matchNamespace(draft: Draft, namespace: string | undefined): void {
  const own = draft.metadata.namespace ?? "";
  if (own === "" && namespace !== undefined) draft.metadata.namespace = namespace;
  else if (own !== (namespace ?? "")) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
}

export function validateMetadata(draft: Draft, row: KindRow, errors: FieldErrors): void {
  const { name, labels, annotations, ownerReferences, finalizers } = draft.metadata;
  if (name === undefined || name === "") errors.required("metadata.name", "name or generateName is required");
  else validateName(name, row, errors);
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const fault of qualifiedNameFaults(key)) errors.invalid("metadata.labels", key, fault);
    for (const fault of labelValueFaults(value)) errors.invalid("metadata.labels", value, fault);
  }
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const fault of qualifiedNameFaults(key.toLowerCase())) errors.invalid("metadata.annotations", key, fault);
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > ANNOTATIONS_LIMIT) errors.tooLong("metadata.annotations", ANNOTATIONS_LIMIT);
  (finalizers ?? []).forEach((finalizer, index) => {
    const field = `metadata.finalizers[${String(index)}]`;
    for (const fault of qualifiedNameFaults(finalizer)) errors.invalid(field, finalizer, fault);
    if (!finalizer.includes("/") && !STANDARD_FINALIZERS.includes(finalizer)) {
      errors.invalid(field, finalizer, "name is neither a standard finalizer name nor is it fully qualified");
    }
  });
  if ((finalizers ?? []).includes("orphan") && (finalizers ?? []).includes("foregroundDeletion")) {
    errors.invalid("metadata.finalizers", finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
  }
  (ownerReferences ?? []).forEach((owner, index) => {
    const path = `metadata.ownerReferences[${String(index)}]`;
    for (const field of ["apiVersion", "kind", "name", "uid"] as const) {
      if (owner[field] === "") errors.required(`${path}.${field}`, "must not be empty");
    }
  });
  const controllers = (ownerReferences ?? []).filter((owner) => owner.controller === true);
  if (controllers.length > 1) {
    const [first, second] = controllers;
    errors.invalid(
      "metadata.ownerReferences",
      ownerReferences,
      `Only one reference can have Controller set to true. Found "true" in references for ${first?.kind ?? ""}/${first?.name ?? ""} and ${second?.kind ?? ""}/${second?.name ?? ""}`,
    );
  }
}

export function validateMetadataUpdate(draft: Draft, before: LabObject, errors: FieldErrors): void {
  const { metadata } = draft;
  const old = before.metadata;
  if (old.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((each) => !(old.finalizers ?? []).includes(each));
    if (added.length > 0) {
      const found = added.map((each) => JSON.stringify(each)).join(", ");
      errors.forbidden(
        "metadata.finalizers",
        `no new finalizers can be added if the object is being deleted, found new finalizers []string{${found}}`,
      );
    }
  }
  for (const field of ["name", "namespace", "uid", "deletionTimestamp", "deletionGracePeriodSeconds"] as const) {
    if (!sameJson(metadata[field], old[field]))
      errors.invalid(`metadata.${field}`, metadata[field], "field is immutable");
  }
}

/** 422 for a field that cannot change. */
export function validateImmutable(field: string, value: unknown, before: unknown, errors: FieldErrors): void {
  if (!sameJson(value, before)) errors.invalid(field, value, "field is immutable");
}

function validateName(name: string, row: KindRow, errors: FieldErrors): void {
  const faults = { path: pathNameFaults, label: labelNameFaults, subdomain: subdomainFaults }[row.names](name);
  for (const fault of faults) errors.invalid("metadata.name", name, fault);
}

function setOrDelete(metadata: Draft["metadata"], field: "uid" | "creationTimestamp", value: string | undefined): void {
  if (value === undefined) delete metadata[field];
  else metadata[field] = value;
}
