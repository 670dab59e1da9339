// The rules for metadata that hold for every kind (apimachinery, ValidateObjectMeta and BeforeCreate/BeforeUpdate).
import type { Random } from "../../effects/random.ts";
import { secondsTime } from "../../kube/timestamps.ts";
import { sameJson, type Draft, type LabObject } from "../store/object.ts";
import { badRequest } from "./failure.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { KindRow } from "./kind-row.ts";

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const SUBDOMAIN_HELP =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_HELP =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_HELP =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_HELP =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** What the annotations of one object may have together. */
const ANNOTATIONS_LIMIT = 256 * 1024;

/** Letters of generated names: none that make words or look alike (k8s.io/apimachinery util/rand). */
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
  delete metadata.generation;
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
    if (!QUALIFIED.test(key)) errors.invalid("metadata.labels", key, QUALIFIED_HELP);
    if (value.length > LONGEST_NAME) errors.invalid("metadata.labels", value, "must be no more than 63 bytes");
    else if (!LABEL_VALUE.test(value)) errors.invalid("metadata.labels", value, LABEL_VALUE_HELP);
  }
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    if (!QUALIFIED.test(key.toLowerCase())) errors.invalid("metadata.annotations", key, QUALIFIED_HELP);
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > ANNOTATIONS_LIMIT) errors.tooLong("metadata.annotations", ANNOTATIONS_LIMIT);
  (finalizers ?? []).forEach((finalizer, index) => {
    if (!QUALIFIED.test(finalizer)) errors.invalid(`metadata.finalizers[${String(index)}]`, finalizer, QUALIFIED_HELP);
  });
  if ((finalizers ?? []).includes("orphan") && (finalizers ?? []).includes("foregroundDeletion")) {
    errors.invalid("metadata.finalizers", finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
  }
  (ownerReferences ?? []).forEach((owner, index) => {
    const path = `metadata.ownerReferences[${String(index)}]`;
    for (const field of ["apiVersion", "kind", "name", "uid"] as const) {
      if (owner[field] === "") errors.invalid(`${path}.${field}`, "", "must not be empty");
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
  const field = "metadata.name";
  switch (row.names) {
    case "path":
      if (name === "." || name === "..") errors.invalid(field, name, `may not be '${name}'`);
      else if (/[/%]/.test(name)) errors.invalid(field, name, `may not contain '${name.includes("/") ? "/" : "%"}'`);
      break;
    case "label":
      if (name.length > 63) errors.invalid(field, name, "must be no more than 63 bytes");
      else if (!LABEL.test(name)) errors.invalid(field, name, LABEL_HELP);
      break;
    case "subdomain":
      if (name.length > 253) errors.invalid(field, name, "must be no more than 253 bytes");
      else if (!SUBDOMAIN.test(name)) errors.invalid(field, name, SUBDOMAIN_HELP);
      break;
    default:
      row.names satisfies never;
  }
}

function setOrDelete(metadata: Draft["metadata"], field: "uid" | "creationTimestamp", value: string | undefined): void {
  if (value === undefined) delete metadata[field];
  else metadata[field] = value;
}
