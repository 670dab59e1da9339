import type { LabObject } from "../../store/object.ts";
import { parseFieldSelector } from "./field-selector.ts";
import type { KindRow } from "../kinds/kind-row.ts";
import { parseLabelSelector } from "./label-selector.ts";

export type Selection = (object: LabObject) => boolean;

/**
 * What `labelSelector` and `fieldSelector` of a query select; undefined: everything. Throws a 400.
 */
export function selectionOf(row: KindRow, query: Readonly<Record<string, string>>): Selection | undefined {
  const labelText = query["labelSelector"] ?? "";
  const fieldText = query["fieldSelector"] ?? "";
  if (labelText === "" && fieldText === "") return undefined;
  const labels = labelText === "" ? undefined : parseLabelSelector(labelText);
  const fields = fieldText === "" ? undefined : parseFieldSelector(fieldText, row.fields);
  return (object) => (labels?.(object.metadata.labels ?? {}) ?? true) && (fields?.(object) ?? true);
}

const bare = new WeakMap<LabObject, object>();

/** The object as it stands in a list: without apiVersion and kind, which the list itself has. */
export function asListItem(object: LabObject): object {
  const known = bare.get(object);
  if (known !== undefined) return known;
  const { apiVersion: _apiVersion, kind: _kind, ...item } = object;
  Object.freeze(item);
  bare.set(object, item);
  return item;
}
