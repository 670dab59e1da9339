import type { LabelSelector } from "kubernetes-types/meta/v1.js";
import { thaw, type Draft, type LabObject } from "../../store/object.ts";
import { decodeAs } from "../writes/body.ts";
import { conflict, notFound } from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import { formatLabelSelector } from "../select/label-selector.ts";
import { applyPatch, mediaType } from "../writes/patch.ts";
import { keyOf, type State, type Target } from "../state.ts";
import { updateDraft, type WriteOptions } from "../writes/write.ts";

const SCALE = { group: "autoscaling", version: "v1", kind: "Scale", type: "autoscaling.v1.Scale" } as const;

interface Scaled {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector };
  readonly status?: { readonly replicas?: number };
}

/** The Scale of a workload. Throws a 404. */
export function readScale(state: State, target: Target): object {
  const object = state.store.read(target.row.collection, keyOf(target));
  if (object === undefined) throw notFound(target.row, target.name);
  return scaleOf(object);
}

export function replaceScale(state: State, target: Target, body: unknown, options: WriteOptions): object {
  const scale = decodeAs(SCALE.type, SCALE, body, options.fieldValidation).value;
  return write(state, target, scale as Draft, options);
}

export function patchScale(
  state: State,
  target: Target,
  patch: unknown,
  contentType: string,
  options: WriteOptions,
): object {
  const current = readScale(state, target) as Record<string, unknown>;
  const patched = applyPatch(SCALE.type, current, patch, mediaType(contentType));
  return replaceScale(state, target, patched, options);
}

function write(state: State, target: Target, scale: Draft, options: WriteOptions): object {
  const { row, name } = target;
  const before = state.store.read(row.collection, keyOf(target));
  if (before === undefined) throw notFound(row, name);
  const { uid, resourceVersion } = scale.metadata;
  if (uid !== undefined && uid !== before.metadata.uid) {
    throw conflict(
      row,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid ?? ""}`,
    );
  }
  const replicas = (scale["spec"] as { replicas?: number } | undefined)?.replicas ?? 0;
  const errors = new FieldErrors();
  if (replicas < 0) errors.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
  errors.throwIfFound(SCALE, name);
  const draft = thaw(before) as Draft;
  draft["spec"] = { ...(draft["spec"] as object | undefined), replicas };
  draft.metadata.resourceVersion = resourceVersion ?? "";
  return scaleOf(updateDraft(state, target, before, draft, "main", options));
}

function scaleOf(object: LabObject): object {
  const { spec, status } = object as Scaled & LabObject;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = spec?.replicas ?? 0;
  return {
    kind: SCALE.kind,
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: status?.replicas ?? 0, selector: formatLabelSelector(spec?.selector ?? {}) },
  };
}
