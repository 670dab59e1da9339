/*
 * The rows of our own kinds, made from the definitions that the shipped CustomResourceDefinitions
 * are made from: what a cluster serves once those are applied. The lab serves them always.
 *
 * A body is checked against the structural schema of its kind: unknown fields are dropped, defaults
 * are filled in, and anything invalid is a 422. The CEL rules of the kind are evaluated when the
 * schema has found no error; a violated rule is a 422 too.
 */
import type { CustomKind } from "../../../api/crd/custom-kind.ts";
import { customKinds } from "../../../api/crd/kinds.ts";
import { structural, type Structural } from "../../../api/crd/structural.ts";
import { thaw, type Draft, type LabObject } from "../../store/object.ts";
import { ageColumn, column, nameColumn, type Column } from "../kubectl/columns/column.ts";
import { compileRules } from "./custom-rules.ts";
import type { FieldErrors } from "../errors/field-errors.ts";
import { textAt } from "../select/field-selector.ts";
import { CUSTOM_OBJECT, type KindRow, type KindRules } from "./kind-row.ts";
import { fillDefaults, prune, validateKeys, validateValue, type Place } from "./structural-schema.ts";

const NOT_CHECKED =
  "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

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
    type: CUSTOM_OBJECT,
    collection: `${plural}.${group}`,
    subresources: ["status"],
    names: "subdomain",
    generation: true,
    createOnUpdate: false,
    conditionalUpdate: true,
    returnsDeleted: false,
    statusOnCreate: false,
    // The name is in the list so that a kind without fields refuses as one with fields does.
    fields: Object.fromEntries(
      ["metadata.name", ...kind.selectableFields.map((path) => path.slice(1))].map((path) => [path, textAt(path)]),
    ),
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
  const { resource, specRequired } = kind;
  const spec = structural(`${resource.kind}.spec`, kind.spec);
  const status = structural(`${resource.kind}.status`, kind.status);
  const validated = (schema: Structural, value: unknown, place: Place, errors: FieldErrors): void => {
    validateValue(schema, value, place, errors);
    validateKeys(schema, value, place.field, errors);
  };
  const checkRules = compileRules(kind);
  const ruled = (draft: Draft, errors: FieldErrors, before: LabObject | undefined): void => {
    if (!errors.blocksRules) checkRules(draft, before, errors);
    else if (kind.rules.length > 0) errors.invalid("<nil>", undefined, NOT_CHECKED);
  };
  return {
    prune: (draft) => [...prune(spec, draft["spec"], "spec"), ...prune(status, draft["status"], "status")],
    defaults: (draft) => {
      fillDefaults(spec, draft["spec"]);
      fillDefaults(status, draft["status"]);
    },
    // A write of a custom object's status leaves its metadata, labels and finalizers included.
    status: (draft, before) => {
      draft.metadata = thaw(before.metadata) as Draft["metadata"];
    },
    validate: (draft, errors, before) => {
      if (draft["spec"] !== undefined) validated(spec, draft["spec"], { field: "spec", inBody: "spec" }, errors);
      else if (specRequired) errors.required("spec");
      ruled(draft, errors, before);
    },
    validateStatus: (draft, errors, before) => {
      const place = { field: "status", inBody: "" };
      if (draft["status"] !== undefined) validated(status, draft["status"], place, errors);
      ruled(draft, errors, before);
    },
  };
}
