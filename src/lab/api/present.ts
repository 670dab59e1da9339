// The shape in which objects are answered, as the Accept header asks: whole, metadata only, or a
// table for people.
import type { LabObject } from "../store/object.ts";
import { apiVersionOf } from "./writes/body.ts";
import { badRequest, Failure } from "./errors/failure.ts";
import type { KindRow } from "./kinds/kind-row.ts";
import type { Listed } from "./select/list.ts";
import { asListItem } from "./select/select.ts";
import type { EventType } from "./watch.ts";

export type Form = "whole" | "partial" | "table";

const META = "meta.k8s.io/v1";
/** What a real server offers; the lab answers in JSON only. */
const MEDIA_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
const WATCH_TYPES = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
const INCLUDES = ["Metadata", "Object", "None", ""];

/** Chooses by the Accept header: the first entry that can be had. Throws a 406 when none can. */
export function formOf(accept: string, kinds: "object" | "list"): Form {
  const entries = accept.trim() === "" ? ["*/*"] : accept.split(",");
  for (const entry of entries) {
    const [type, ...parameters] = entry.split(";").map((part) => part.trim());
    if (type !== "application/json" && type !== "*/*" && type !== "application/*") continue;
    const named = Object.fromEntries(parameters.map((parameter) => parameter.split("=")) as [string, string][]);
    if (named["as"] === undefined) return "whole";
    if (named["g"] !== "meta.k8s.io" || named["v"] !== "v1") continue;
    if (named["as"] === "Table") return "table";
    if (named["as"] === (kinds === "list" ? "PartialObjectMetadataList" : "PartialObjectMetadata")) return "partial";
    if (named["as"] === "PartialObjectMetadata") return "partial";
  }
  const known = entries.some((entry) => /^\s*(application\/(json|\*)|\*\/\*)\s*(;|$)/.test(entry));
  if (known) throw new Failure(406, "NotAcceptable", `only the following media types are accepted: ${MEDIA_TYPES}`);
  const message = `406: Not Acceptable\n\nAvailable representations: ${MEDIA_TYPES}, ${WATCH_TYPES}`;
  throw new Failure(406, "NotAcceptable", message, {});
}

export function presentObject(row: KindRow, stored: LabObject, form: Form, now: number, include = "Metadata"): unknown {
  const object = served(row, stored);
  switch (form) {
    case "whole":
      return object;
    case "partial":
      return partial(object);
    case "table":
      return table(row, [object], { resourceVersion: object.metadata.resourceVersion ?? "" }, now, include, true);
    default:
      return form satisfies never;
  }
}

export function presentList(row: KindRow, listed: Listed, form: Form, now: number, include = "Metadata"): unknown {
  const { items, ...metadata } = listed;
  const objects = row.convert === undefined ? items : items.map((item) => served(row, item));
  switch (form) {
    case "whole":
      return { kind: `${row.kind}List`, apiVersion: apiVersionOf(row), metadata, items: objects.map(asListItem) };
    case "partial":
      return { kind: "PartialObjectMetadataList", apiVersion: META, metadata, items: objects.map(partial) };
    case "table":
      return table(row, objects, metadata, now, include, true);
    default:
      return form satisfies never;
  }
}

/** Presents the events of one watch: only the first table has the columns. */
export function eventPresenter(
  row: KindRow,
  form: Form,
  clock: () => number,
  include: string,
): (type: EventType, object: LabObject) => unknown {
  let first = true;
  return (type, stored) => {
    if (form === "whole" && row.convert === undefined) return { type, object: stored };
    const object = type === "BOOKMARK" ? stored : served(row, stored);
    if (form === "whole") return { type, object };
    if (form === "partial") return { type, object: partial(object) };
    const shown = table(
      row,
      [object],
      { resourceVersion: object.metadata.resourceVersion ?? "" },
      clock(),
      include,
      first,
    );
    first = false;
    return { type, object: shown };
  };
}

function served(row: KindRow, object: LabObject): LabObject {
  return row.convert === undefined ? object : row.convert.fromStored(object);
}

function partial(object: LabObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: META, metadata: object.metadata };
}

function table(
  row: KindRow,
  objects: readonly LabObject[],
  metadata: object,
  now: number,
  include: string,
  definitions: boolean,
): object {
  if (!INCLUDES.includes(include)) {
    const why = `Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`;
    throw badRequest(`Unable to convert to Table as requested: includeObject: ${why}`);
  }
  return {
    kind: "Table",
    apiVersion: META,
    metadata,
    columnDefinitions: definitions
      ? row.columns.map(({ name, type, format, priority }) => ({ name, type, format, description: "", priority }))
      : null,
    rows: objects.map((object) => ({
      cells: row.columns.map((column) => column.cell(object, now)),
      object: include === "None" ? null : include === "Object" ? object : partial(object),
    })),
  };
}
