// PATCH: reads the object, applies the patch to a copy, and writes the copy as an update. Without a resourceVersion in the patch there is nothing to conflict with.
import { thaw, type Draft, type LabObject } from "../store/object.ts";
import { decodeObject } from "./body.ts";
import { badRequest, Failure, notFound } from "./failure.ts";
import { applyJsonPatch } from "./patch/json-patch.ts";
import { applyMergePatch } from "./patch/merge-patch.ts";
import { applyStrategicMerge } from "./patch/strategic-merge.ts";
import { keyOf, type State, type Target } from "./state.ts";
import { updateDraft, type Door, type WriteOptions, type Written } from "./write.ts";

const JSON_PATCH = "application/json-patch+json";
const MERGE_PATCH = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";

export function patchObject(
  state: State,
  target: Target,
  patch: unknown,
  contentType: string,
  door: Door,
  options: WriteOptions,
): Written {
  const { row, name } = target;
  const type = mediaType(contentType);
  const before = state.store.read(row.collection, keyOf(target));
  if (before === undefined) throw notFound(row, name);
  const served = row.convert === undefined ? before : row.convert.fromStored(before);
  const patched = applyPatch(row.type, served, patch, type);
  const { draft, warnings } = decodeObject(row, patched, options.fieldValidation);
  return { object: updateDraft(state, target, before, draft, door, options), created: false, warnings };
}

/** The object with the patch in it: a new object. Throws a 400 or 422 for a patch that does not fit. */
export function applyPatch(
  type: string,
  object: LabObject | Record<string, unknown>,
  patch: unknown,
  mediaType: string,
): Record<string, unknown> {
  if (mediaType === JSON_PATCH) return applyJsonPatch(thaw(object) as Record<string, unknown>, patch);
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) {
    throw badRequest("json: cannot unmarshal the patch into an object");
  }
  const copy = thaw(object) as Record<string, unknown>;
  if (mediaType === MERGE_PATCH) return applyMergePatch(copy, thaw(patch)) as Draft;
  return applyStrategicMerge(type, copy, thaw(patch));
}

/** The patch's media type; 415 for one that the lab does not take. */
export function mediaType(contentType: string): string {
  const type = contentType.split(";")[0]?.trim() ?? "";
  if (type === JSON_PATCH || type === MERGE_PATCH || type === STRATEGIC) return type;
  throw new Failure(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${JSON_PATCH}, ${MERGE_PATCH}, ${STRATEGIC}`,
    {},
  );
}
