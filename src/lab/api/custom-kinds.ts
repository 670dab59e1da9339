/*
 * The rows of our own kinds, made from the definitions that the shipped CustomResourceDefinitions
 * are made from: what a cluster serves once those are applied. The lab serves them always.
 *
 * A body goes through the zod schema where a real server goes through the structural one: unknown
 * fields are dropped, defaults filled in, and what does not fit is a 422. The CEL rules are not
 * evaluated.
 */
import type { z } from "zod";
import type { CustomKind } from "../../api/crd/custom-kind.ts";
import { customKinds } from "../../api/crd/kinds.ts";
import type { Draft } from "../store/object.ts";
import { ageColumn, column, nameColumn, type Column } from "./columns/column.ts";
import type { FieldErrors } from "./field-errors.ts";
import { textAt } from "./field-selector.ts";
import type { KindRow, KindRules } from "./kind-row.ts";

/** One row per kind. */
export const customRows: readonly KindRow[] = customKinds.map(rowOf);

function rowOf(kind: CustomKind): KindRow {
  const { group, version, plural, kind: name, namespaced } = kind.resource;
  return {
    group,
    version,
    plural,
    kind: name,
    namespaced,
    shortNames: kind.shortNames,
    inAll: false,
    type: "custom.Object",
    collection: `${plural}.${group}`,
    subresources: ["status"],
    names: "subdomain",
    generation: true,
    createOnUpdate: false,
    conditionalUpdate: true,
    returnsDeleted: false,
    statusOnCreate: false,
    fields: Object.fromEntries(kind.selectableFields.map((path) => [path.slice(1), textAt(path.slice(1))])),
    columns: columnsOf(kind),
    rules: rulesOf(kind),
    convert: undefined,
  };
}

function columnsOf({ columns }: CustomKind): Column[] {
  const own = columns.map(({ name, jsonPath, type, wide }) => {
    const read = textAt(jsonPath.slice(1));
    return column(name, (object) => read(object), { type, priority: wide === true ? 1 : 0 });
  });
  return [nameColumn, ...own, ageColumn];
}

function rulesOf(kind: CustomKind): KindRules {
  return {
    defaults: (draft) => {
      for (const part of ["spec", "status"] as const) {
        if (draft[part] !== undefined) draft[part] = filledIn(kind[part], draft[part]);
      }
    },
    validate: (draft, errors) => {
      if (kind.specRequired && draft["spec"] === undefined) errors.required("spec");
      for (const part of ["spec", "status"] as const) check(kind[part], draft, part, errors);
    },
  };
}

function check(schema: z.ZodType, draft: Draft, part: "spec" | "status", errors: FieldErrors): void {
  if (draft[part] === undefined) return;
  for (const { path, message, input } of schema.safeParse(draft[part]).error?.issues ?? []) {
    errors.invalid([part, ...path.map(String)].join("."), input, message);
  }
}

/**
 * Without fields that the schema does not know, and with its defaults; as it is where it does not
 * fit.
 */
function filledIn(schema: z.ZodType, value: unknown): unknown {
  const pruned = structuredClone(value);
  for (const issue of schema.safeParse(pruned).error?.issues ?? []) {
    if (issue.code !== "unrecognized_keys") continue;
    const holder = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)[key], pruned);
    for (const key of issue.keys) delete (holder as Record<string, unknown>)[key];
  }
  const parsed = schema.safeParse(pruned);
  return parsed.success ? parsed.data : pruned;
}
