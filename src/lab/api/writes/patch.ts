// PATCH: reads the object, applies the patch to a copy, and writes the copy as an update. Without a
// resourceVersion in the patch there is nothing to conflict with.
import { thaw, type Draft, type LabObject } from "../../store/object.ts";
import { decodeObject, type Decoded } from "./body.ts";
import { badRequest, Failure, notFound } from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import { goText } from "../errors/go-text.ts";
import type { KindRow } from "../kinds/kind-row.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { applyStrategicMerge } from "../patch/strategic-merge.ts";
import { keyOf, type State, type Target } from "../state.ts";
import { matchName, updateDraft, type Endpoint, type WriteOptions, type Written } from "./write.ts";

const JSON_PATCH = "application/json-patch+json";
const MERGE_PATCH = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const APPLY = "application/apply-patch+yaml";

export function patchObject(
  state: State,
  target: Target,
  patch: unknown,
  contentType: string,
  endpoint: Endpoint,
  options: WriteOptions,
): Written {
  const { row, name } = target;
  const type = mediaType(contentType);
  const before = state.store.read(row.collection, keyOf(target));
  if (before === undefined) throw notFound(row, name);
  const served = row.convert === undefined ? before : row.convert.fromStored(before);
  const patched = applyPatch(row.type, served, patch, type);
  const { draft, warnings } = decodePatched(row, patched, patch, type, options);
  matchName(draft, name);
  return { object: updateDraft(state, target, before, draft, endpoint, options), created: false, warnings };
}

/** Unknown fields are the patch's fault, and said of it. */
function decodePatched(
  row: KindRow,
  patched: Record<string, unknown>,
  patch: unknown,
  type: string,
  { fieldValidation }: WriteOptions,
): Decoded {
  const decoded = decodeObject(row, patched, fieldValidation === "Strict" ? "Warn" : fieldValidation);
  if (fieldValidation !== "Strict" || decoded.warnings.length === 0) return decoded;
  const errors = new FieldErrors();
  const value = type === STRATEGIC ? goText(patch) : JSON.stringify(patched);
  errors.invalid("patch", value, `strict decoding error: ${decoded.warnings.join(", ")}`);
  errors.throwIfFound({ group: "", kind: "" }, "");
  return decoded;
}

/**
 * The object with the patch in it: a new object. Throws a 400 or 422 for a patch that does not fit.
 */
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
  if (type !== APPLY) throw new Failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {});
  // kubectl looks for these words to say that the server cannot apply.
  throw new Failure(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${JSON_PATCH}, ${MERGE_PATCH}, ${STRATEGIC}`,
    {},
  );
}
