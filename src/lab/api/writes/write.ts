// Creating and changing objects. The order is that of the real API server: decode, defaults,
// metadata, fields that the strategy restores, admission, validation, and then the one step that
// changes the store. Everything here is synchronous, so a write is never half done.
import { sameJson, storeKey, thaw, type Draft, type LabObject } from "../../store/object.ts";
import { decodeObject, type FieldValidation } from "./body.ts";
import {
  alreadyExists,
  badRequest,
  forbidden,
  modified,
  noNumber,
  notFound,
  unmetPrecondition,
  Failure,
} from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import { CUSTOM_OBJECT, type KindRow } from "../kinds/kind-row.ts";
import {
  fillCreated,
  fillUpdated,
  generatedName,
  matchNamespace,
  validateMetadata,
  validateMetadataUpdate,
} from "./metadata.ts";
import type { LabUser } from "../request.ts";
import { keyOf, ruleContext, type State, type Target } from "../state.ts";

export interface WriteOptions {
  readonly user: LabUser;
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
}

export interface Written {
  readonly object: LabObject;
  readonly created: boolean;
  readonly warnings: readonly string[];
}

/** The largest object as JSON in etcd, in bytes. */
const LARGEST_OBJECT = 1.5 * 1024 * 1024;
/** How often a generated name is tried again when it is taken. */
const NAME_ATTEMPTS = 8;

export function createObject(state: State, target: Target, body: unknown, options: WriteOptions): Written {
  const { draft, warnings } = decodeObject(target.row, body, options.fieldValidation);
  if (target.name !== "") matchName(draft, target.name);
  return { object: createDraft(state, target, draft, options), created: true, warnings };
}

function createDraft(state: State, target: Target, draft: Draft, options: WriteOptions): LabObject {
  const { row } = target;
  matchNamespace(draft, row.namespaced ? target.namespace : undefined);
  const hadVersion = (draft.metadata.resourceVersion ?? "") !== "";
  const { name, generateName } = draft.metadata;
  const generated = (name === undefined || name === "") && generateName !== undefined && generateName !== "";
  if (generated) draft.metadata.name = freeName(state, target, generateName);
  checkNamespace(state, target, draft.metadata.name ?? "");

  fillCreated(draft, row, state.clock.now(), state.random);
  if (!row.statusOnCreate && row.subresources.includes("status")) delete draft["status"];
  row.rules.defaults?.(draft);
  row.rules.create?.(draft, ruleContext(state, options.user));
  const object = conformed(row, draft);
  const errors = new FieldErrors();
  validateMetadata(object, row, errors);
  row.rules.validate?.(object, errors);
  errors.throwIfFound(row.convert?.stored ?? row, object.metadata.name ?? "");
  if (hadVersion) throw new Failure(500, "", "resourceVersion should not be set on objects to be created");

  const key = storeKey(row.namespaced ? target.namespace : undefined, object.metadata.name ?? "");
  const taken = state.store.read(row.collection, key);
  if (taken !== undefined) {
    throw alreadyExists(row, object.metadata.name ?? "", taken.metadata.deletionTimestamp !== undefined);
  }
  checkSize(object);
  if (options.dryRun) return object;
  return state.store.write(row.collection, key, object);
}

/** 400 when the object has another name than the URL, or none. */
export function matchName(draft: Draft, name: string): void {
  const own = draft.metadata.name ?? "";
  if (own === name) return;
  throw badRequest(
    own === ""
      ? `name must be provided`
      : `the name of the object (${own}) does not match the name on the URL (${name})`,
  );
}

/** The endpoint through which an update came: it decides which fields may change. */
export type Endpoint = "main" | "status" | "finalize" | "internal";

/** PUT. */
export function replaceObject(
  state: State,
  target: Target,
  body: unknown,
  endpoint: Endpoint,
  options: WriteOptions,
): Written {
  const { row, name } = target;
  const { draft, warnings } = decodeObject(row, body, options.fieldValidation);
  matchName(draft, name);
  matchNamespace(draft, row.namespaced ? target.namespace : undefined);
  const before = state.store.read(row.collection, keyOf(target));
  if (before === undefined) {
    if (!row.createOnUpdate || endpoint !== "main") throw notFound(row, name);
    delete draft.metadata.uid;
    return { object: createDraft(state, target, draft, options), created: true, warnings };
  }
  if (draft.metadata.uid !== undefined && draft.metadata.uid !== before.metadata.uid) {
    const which = `UID in precondition: ${draft.metadata.uid}, UID in object meta: ${before.metadata.uid ?? ""}`;
    throw unmetPrecondition(row, name, keyOf(target), which);
  }
  return { object: updateDraft(state, target, before, draft, endpoint, options), created: false, warnings };
}

/**
 * Updates an existing object: validates the change and stores it. `draft` is the object as the
 * client wants it.
 */
export function updateDraft(
  state: State,
  target: Target,
  before: LabObject,
  draft: Draft,
  endpoint: Endpoint,
  options: Pick<WriteOptions, "user" | "dryRun">,
): LabObject {
  const { row } = target;
  matchNamespace(draft, row.namespaced ? target.namespace : undefined);
  checkVersion(row, target.name, draft, before);
  fillUpdated(draft, before);
  row.rules.defaults?.(draft);
  const context = ruleContext(state, options.user);
  keepOthers(draft, before, endpoint, row);
  if (endpoint === "main") row.rules.update?.(draft, before, context);
  else if (endpoint === "status") row.rules.status?.(draft, before, context);
  const object = conformed(row, draft);
  const errors = new FieldErrors();
  validateMetadata(object, row, errors);
  validateMetadataUpdate(object, before, errors);
  // A real server says it twice of a custom object: for every object, and for a custom one again.
  if (row.type === CUSTOM_OBJECT) validateMetadataUpdate(object, before, errors);
  if (endpoint === "main") {
    row.rules.validate?.(object, errors, before);
    row.rules.validateUpdate?.(object, before, errors);
  }
  if (endpoint === "status") row.rules.validateStatus?.(object, errors, before);
  errors.throwIfFound(row.convert?.stored ?? row, target.name);
  if (endpoint === "main") row.rules.admitUpdate?.(object, before, context);
  if (endpoint === "main" && row.generation && specChanged(object, before)) {
    object.metadata.generation = (before.metadata.generation ?? 0) + 1;
  }
  return commitUpdate(state, target, before, object, options.dryRun);
}

/**
 * The last step of an update: nothing if nothing changed, removal if it took the last finalizer of
 * what is being deleted.
 */
export function commitUpdate(
  state: State,
  target: Target,
  before: LabObject,
  object: Draft | LabObject,
  dryRun: boolean,
): LabObject {
  const { row } = target;
  const next = { ...object, metadata: { ...object.metadata, resourceVersion: before.metadata.resourceVersion ?? "" } };
  checkSize(next);
  if (isReleased(next, before)) {
    // What watches see go is what was stored, finalizers and all; the answer is what was asked for,
    // of the version before.
    if (!dryRun) state.store.remove(row.collection, keyOf(target), before);
    return next;
  }
  if (sameJson(next, before)) return before;
  return dryRun ? next : state.store.write(row.collection, keyOf(target), next);
}

/**
 * Whether a deleted object can be removed: it has no finalizers left, and its grace period had
 * ended before.
 */
function isReleased(next: LabObject, before: LabObject): boolean {
  if (before.metadata.deletionTimestamp === undefined) return false;
  if ((next.metadata.finalizers ?? []).length > 0) return false;
  const spec = next["spec"] as { finalizers?: readonly string[] } | undefined;
  if (next.kind === "Namespace" && (spec?.finalizers ?? []).length > 0) return false;
  return (before.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

function checkVersion(row: KindRow, name: string, draft: Draft, before: LabObject): void {
  const asked = draft.metadata.resourceVersion ?? "";
  if (asked !== "") {
    if (!/^\d+$/.test(asked)) throw new Failure(500, "", noNumber(asked));
    if (asked !== before.metadata.resourceVersion) throw modified(row, name);
  } else if (row.conditionalUpdate) {
    const errors = new FieldErrors();
    errors.invalid("metadata.resourceVersion", 0, "must be specified for an update");
    errors.throwIfFound({ group: row.group, kind: row.plural }, name);
  }
}

/** Restores the parts of the object that this endpoint does not write. */
function keepOthers(draft: Draft, before: LabObject, endpoint: Endpoint, row: KindRow): void {
  if (endpoint === "internal") return;
  if (endpoint === "main") {
    if (row.subresources.includes("status")) restore(draft, before, "status");
    if (row.subresources.includes("finalize")) {
      const spec = (draft["spec"] ?? {}) as Record<string, unknown>;
      spec["finalizers"] = thaw((before["spec"] as Record<string, unknown> | undefined)?.["finalizers"]);
      draft["spec"] = spec;
    }
    return;
  }
  for (const field of Object.keys({ ...draft, ...before })) {
    if (field === "metadata" || field === "apiVersion" || field === "kind") continue;
    if (field === (endpoint === "status" ? "status" : "spec")) continue;
    restore(draft, before, field);
  }
}

function restore(draft: Draft, before: LabObject, field: string): void {
  if (Object.hasOwn(before, field)) draft[field] = thaw(before[field]);
  else delete draft[field];
}

function specChanged(object: Draft, before: LabObject): boolean {
  const fields = new Set([...Object.keys(object), ...Object.keys(before)]);
  for (const field of fields) {
    if (field === "metadata" || field === "status" || field === "apiVersion" || field === "kind") continue;
    if (!sameJson(object[field], before[field])) return true;
  }
  return false;
}

/**
 * What rules have filled in goes through the types once more, so that stored objects are always
 * canonical.
 */
function conformed(row: KindRow, draft: Draft): Draft {
  return decodeObject(row.convert?.stored ?? row, draft, "Ignore").draft;
}

function freeName(state: State, target: Target, prefix: string): string {
  let name = "";
  for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
    name = generatedName(prefix, state.random);
    if (state.store.read(target.row.collection, keyOf({ ...target, name })) === undefined) break;
  }
  return name;
}

/** Refuses to create an object in a namespace that does not exist or is terminating. */
function checkNamespace(state: State, target: Target, name: string): void {
  const { row, namespace } = target;
  if (!row.namespaced || namespace === undefined) return;
  const found = state.store.read("namespaces", namespace);
  if (found === undefined) throw notFound({ group: "", plural: "namespaces" }, namespace);
  if (found.metadata.deletionTimestamp !== undefined) {
    throw forbidden(
      row,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      [
        {
          reason: "NamespaceTerminating",
          message: `namespace ${namespace} is being terminated`,
          field: "metadata.namespace",
        },
      ],
    );
  }
}

function checkSize(object: object): void {
  const size = JSON.stringify(object).length;
  if (size > LARGEST_OBJECT) {
    throw new Failure(500, "", "etcdserver: request is too large");
  }
}
