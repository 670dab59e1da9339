/*
 * Turns one of our zod schemas into the schema of a CustomResourceDefinition. The API server
 * accepts only a part of JSON Schema ("structural schemas"), and zod writes some things that we
 * leave out:
 *
 * - `additionalProperties: false` is forbidden: the API server drops unknown fields by itself;
 * - bounds of ±2^53 are dropped: an integer in Kubernetes is an int64;
 * - the pattern of a time (300 characters) is dropped: `format: date-time` checks the same;
 * - a union cannot be expressed in a structural schema.
 *
 * A keyword that is not in the lists below throws. So does a field without a description, because
 * `kubectl explain` prints it.
 */
import { z } from "zod";

/** The part of a structural schema that our kinds use. */
export interface Structural {
  readonly description?: string;
  readonly type: "object" | "array" | "string" | "integer" | "boolean";
  readonly properties?: Readonly<Record<string, Structural>>;
  readonly required?: readonly string[];
  readonly items?: Structural;
  readonly additionalProperties?: Structural;
  readonly [keyword: string]: unknown;
}

const TYPES = new Set(["object", "array", "string", "integer", "boolean"]);
/** Keywords that mean the same on both sides. */
const KEPT = new Set([
  "description",
  "type",
  "format",
  "default",
  "enum",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "required",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
]);

/** The structural schema of `schema`. Error messages call it `path`. */
export function structural(path: string, schema: z.ZodType): Structural {
  return convert(path, z.toJSONSchema(schema, { target: "openapi-3.0", io: "input" }), true);
}

type Json = Readonly<Record<string, unknown>>;

function convert(path: string, from: Json, describe: boolean): Structural {
  const type = from["type"];
  if (typeof type !== "string" || !TYPES.has(type)) throw new Error(`${path}: not a type that a CRD can have`);
  if (describe && typeof from["description"] !== "string") throw new Error(`${path}: no description`);
  const to: Record<string, unknown> = { description: from["description"], type };
  for (const [keyword, value] of Object.entries(from)) {
    if (keyword === "properties") to[keyword] = properties(path, value as Readonly<Record<string, Json>>);
    else if (keyword === "items") to[keyword] = convert(`${path}[]`, value as Json, false);
    else if (keyword === "additionalProperties" && value === false) continue;
    else if (keyword === "additionalProperties") to[keyword] = convert(`${path}{}`, value as Json, false);
    else if (!KEPT.has(keyword)) throw new Error(`${path}: a CRD cannot have the keyword ${keyword}`);
    else if (!saysNothing(keyword, value, from)) to[keyword] = value;
  }
  if (type === "integer") to["format"] = "int64";
  return Object.fromEntries(Object.entries(to).filter(([, value]) => value !== undefined)) as Structural;
}

function properties(path: string, from: Readonly<Record<string, Json>>): Record<string, Structural> {
  return Object.fromEntries(
    Object.entries(from).map(([name, value]) => [name, convert(`${path}.${name}`, value, true)]),
  );
}

function saysNothing(keyword: string, value: unknown, schema: Json): boolean {
  if (keyword === "pattern") return schema["format"] === "date-time";
  if (keyword === "maximum") return value === Number.MAX_SAFE_INTEGER;
  return keyword === "minimum" && value === Number.MIN_SAFE_INTEGER;
}
