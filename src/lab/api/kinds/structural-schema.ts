/*
 * What an API server does with the body of a custom object: it drops what the structural schema
 * does not know, fills in defaults, and says what does not fit, in the words of kube-openapi's
 * validation. CEL rules are not its matter.
 */
import type { Structural } from "../../../api/crd/structural.ts";
import type { FieldErrors } from "../errors/field-errors.ts";

/** Drops what `schema` does not know, in place. Gives the paths of what was dropped. */
export function prune(schema: Structural, value: unknown, path: string): string[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return [];
    return value.flatMap((item: unknown, index) => prune(items, item, `${path}[${String(index)}]`));
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    if (known !== undefined) return prune(known, item, `${path}.${key}`);
    delete value[key];
    return [`${path}.${key}`];
  });
}

/** Fills in the defaults of `schema`, in place, wherever there is an object to fill them into. */
export function fillDefaults(schema: Structural, value: unknown): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined) for (const item of value) fillDefaults(items, item);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if ((value[key] ?? undefined) === undefined && property["default"] !== undefined) {
      value[key] = structuredClone(property["default"]);
    }
    fillDefaults(property, value[key]);
  }
}

/**
 * Where a value stands: as the cause names it, and as the message does. They differ in the status,
 * which a server validates by itself: `status.purged`, and "purged in body must be …".
 */
export interface Place {
  readonly field: string;
  readonly inBody: string;
}

/** Says everything in which `value` does not fit `schema`. */
export function validateValue(schema: Structural, value: unknown, place: Place, errors: FieldErrors): void {
  const given = typeOf(value);
  const { field, inBody } = place;
  const wanted = given === "float64" && schema.type === "integer" ? "int64" : schema.type;
  if (given !== wanted) {
    errors.typeInvalid(field, given, `${inBody} in body must be of type ${wanted}: "${given}"`);
    if (wanted === "int64") {
      errors.invalid("<nil>", "", `Checked value must be of type integer with format int64 in ${inBody}`);
    }
    return;
  }
  if (typeof value === "string") validateText(schema, value, place, errors);
  else if (typeof value === "number") validateNumber(schema, value, place, errors);
  else if (Array.isArray(value)) validateList(schema, value, place, errors);
  else if (isObject(value)) validateObject(schema, value, place, errors);
}

function validateText(schema: Structural, value: string, { field, inBody }: Place, errors: FieldErrors): void {
  const { minLength, maxLength, pattern } = schema as Bounds;
  const length = Array.from(value).length;
  if (maxLength !== undefined && length > maxLength) errors.tooLong(field, maxLength);
  if (minLength !== undefined && length < minLength) {
    errors.invalid(field, value, `${inBody} in body should be at least ${String(minLength)} chars long`);
  }
  if (pattern !== undefined && !new RegExp(pattern).test(value)) {
    errors.invalid(field, value, `${inBody} in body should match '${pattern}'`);
  }
  if (schema["format"] === "date-time" && !DATE_TIME.test(value)) {
    errors.typeInvalid(field, value, `${inBody} in body must be of type date-time: ${JSON.stringify(value)}`);
  }
  const words = schema["enum"] as readonly string[] | undefined;
  if (words?.includes(value) === false) errors.notSupported(field, value, words);
}

function validateNumber(schema: Structural, value: number, { field, inBody }: Place, errors: FieldErrors): void {
  const { minimum, maximum } = schema as Bounds;
  if (maximum !== undefined && value > maximum) {
    errors.invalid(field, value, `${inBody} in body should be less than or equal to ${String(maximum)}`);
  }
  if (minimum !== undefined && value < minimum) {
    errors.invalid(field, value, `${inBody} in body should be greater than or equal to ${String(minimum)}`);
  }
}

function validateList(schema: Structural, value: readonly unknown[], place: Place, errors: FieldErrors): void {
  const { minItems, maxItems } = schema as Bounds;
  const { items } = schema;
  const { field, inBody } = place;
  if (items !== undefined) {
    value.forEach((item, index) => {
      const at = `[${String(index)}]`;
      validateValue(items, item, { field: field + at, inBody: inBody + at }, errors);
    });
  }
  if (minItems !== undefined && value.length < minItems) {
    errors.invalid(field, value.length, `${inBody} in body should have at least ${String(minItems)} items`);
  }
  if (maxItems !== undefined && value.length > maxItems) errors.tooMany(field, value.length, maxItems);
}

function validateObject(
  schema: Structural,
  value: Readonly<Record<string, unknown>>,
  { field, inBody }: Place,
  errors: FieldErrors,
): void {
  for (const key of schema.required ?? []) if (value[key] === undefined) errors.required(`${field}.${key}`);
  for (const [key, item] of Object.entries(value)) {
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    const below = { field: `${field}.${key}`, inBody: inBody === "" ? key : `${inBody}.${key}` };
    if (known !== undefined && item !== undefined) validateValue(known, item, below, errors);
  }
}

/** Says which items of a list of type `map` have the key of an earlier one. */
export function validateKeys(schema: Structural, value: unknown, field: string, errors: FieldErrors): void {
  if (Array.isArray(value)) {
    const keys = schema["x-kubernetes-list-map-keys"] as readonly string[] | undefined;
    const seen = new Set<string>();
    value.forEach((item: unknown, index) => {
      const at = `${field}[${String(index)}]`;
      if (keys !== undefined && isObject(item)) {
        const key = Object.fromEntries(keys.map((name) => [name, item[name]]));
        if (seen.has(JSON.stringify(key))) errors.duplicate(at, key);
        seen.add(JSON.stringify(key));
      }
      if (schema.items !== undefined) validateKeys(schema.items, item, at, errors);
    });
  } else if (isObject(value)) {
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      validateKeys(property, value[key], `${field}.${key}`, errors);
    }
  }
}

interface Bounds {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** RFC 3339, as Go's parser takes it. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A type as kube-openapi calls it. */
function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "float64";
  return typeof value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
