// What a real server does with every body: it decodes the JSON into Go structs, and encodes them
// for the answer. Unknown fields are lost, `labels: {}` comes back as no labels, `resources`
// appears although it was not sent, and `1024Mi` becomes `1Gi`. Clients can see all of that, for
// example when a JSON patch adds a label to an object whose last label was removed.
import { formatQuantity, parseQuantity, QuantityError } from "../../kube/quantity.ts";
import { microTime, secondsTime } from "../../kube/timestamps.ts";
import { fieldsOf, type Field, type Shape } from "./schema.ts";

/** A body cannot be decoded. The message is that of Go's decoder. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

/**
 * An object as a server would give it back. `unknown` are the paths of fields that no struct has.
 */
export interface Conformed {
  readonly value: Record<string, unknown>;
  readonly unknown: readonly string[];
}

/**
 * Decodes and encodes `value` as the struct `type`. Throws a DecodeError for a value of a wrong
 * type. `value` itself stays as it is.
 */
export function conform(type: string, value: unknown): Conformed {
  const unknown: string[] = [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DecodeError(`json: cannot unmarshal ${goName(value)} into Go value of type ${shortName(type)}`);
  }
  const decoded = struct(type, value as Record<string, unknown>, "", unknown);
  return { value: decoded, unknown: unknown.map((path) => path.replaceAll(KEY, ".")) };
}

function struct(
  type: string,
  value: Record<string, unknown>,
  path: string,
  unknown: string[],
): Record<string, unknown> {
  const fields = fieldsOf(type);
  if (fields === undefined) return value;
  const result: Record<string, unknown> = {};
  // In the order of the document, in which Go complains; the result is in that of the struct.
  const converted = new Map<string, unknown>();
  for (const [key, given] of Object.entries(value)) {
    const field = fields.get(key);
    if (field === undefined) unknown.push(join(path, key));
    else if (given !== undefined && given !== null) {
      converted.set(key, convert(field.shape, given, join(path, key), type, unknown));
    }
  }
  for (const field of fields.values()) {
    const here = converted.get(field.name);
    const kept = here === undefined ? absent(field) : empty(field, here) ? undefined : here;
    if (kept !== undefined) result[field.name] = kept;
  }
  return result;
}

/** What stands in the answer for a field that was not sent. */
function absent(field: Field): unknown {
  const { shape, omitEmpty, omitZero } = field;
  if (omitZero) return undefined;
  switch (shape.is) {
    case "struct": {
      const value = struct(shape.name, {}, "", []);
      return value;
    }
    case "time":
    case "microtime":
      return null;
    case "quantity":
      return "0";
    case "intOrText":
      return 0;
    case "text":
      return omitEmpty ? undefined : "";
    case "integer":
    case "number":
      return omitEmpty ? undefined : 0;
    case "boolean":
      return omitEmpty ? undefined : false;
    case "list":
    case "map":
    case "pointer":
    case "base64":
    case "any":
      return omitEmpty ? undefined : null;
    default:
      return shape satisfies never;
  }
}

/** Whether a field that was sent is left out of the answer all the same. */
function empty({ shape, omitEmpty, omitZero }: Field, value: unknown): boolean {
  if (omitZero && shape.is === "struct") return Object.keys(value as object).length === 0;
  if (!omitEmpty) return false;
  switch (shape.is) {
    case "text":
    case "base64":
      return value === "";
    case "integer":
    case "number":
      return value === 0;
    case "boolean":
      return value === false;
    case "list":
      return (value as unknown[]).length === 0;
    case "map":
      return Object.keys(value as object).length === 0;
    case "pointer":
    case "struct":
    case "time":
    case "microtime":
    case "quantity":
    case "intOrText":
    case "any":
      return false;
    default:
      return shape satisfies never;
  }
}

function convert(shape: Shape, value: unknown, path: string, type: string, unknown: string[]): unknown {
  const wrong = (wanted: string): DecodeError =>
    new DecodeError(
      `json: cannot unmarshal ${goName(value)} into Go struct field ${shortName(type)}.${path.replaceAll(IN_COLLECTION, "")} of type ${wanted}`,
    );
  switch (shape.is) {
    case "pointer":
      return convert(shape.of, value, path, type, unknown);
    case "any":
      return structuredClone(value);
    case "struct":
      if (!isObject(value)) throw wrong(shortName(shape.name));
      return struct(shape.name, value, path, unknown);
    case "list":
      if (!Array.isArray(value)) throw wrong(`[]${goType(shape.of)}`);
      return value.map((item, index) =>
        item === null ? zeroOf(shape.of) : convert(shape.of, item, `${path}[${String(index)}]`, type, unknown),
      );
    case "map": {
      if (!isObject(value)) throw wrong(`map[string]${goType(shape.of)}`);
      const result: Record<string, unknown> = {};
      for (const [key, item] of Object.entries(value)) {
        result[key] = item === null ? zeroOf(shape.of) : convert(shape.of, item, `${path}${KEY}${key}`, type, unknown);
      }
      return result;
    }
    case "text":
    case "base64":
      if (typeof value !== "string") throw wrong(goType(shape));
      return value;
    case "boolean":
      if (typeof value !== "boolean") throw wrong("bool");
      return value;
    case "integer":
      if (typeof value !== "number" || !Number.isInteger(value)) throw wrong(isLong(path) ? "int64" : "int32");
      return value;
    case "number":
      if (typeof value !== "number") throw wrong("float64");
      return value;
    case "intOrText":
      if (typeof value !== "string" && typeof value !== "number") throw wrong("intstr.IntOrString");
      return value;
    case "quantity":
      return quantity(value);
    case "time":
    case "microtime":
      return time(shape.is, value);
    default:
      return shape satisfies never;
  }
}

function quantity(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") {
    throw new DecodeError(
      "unmarshalerDecoder: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  }
  try {
    return formatQuantity(parseQuantity(String(value).trim()));
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    throw new DecodeError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
      { cause: error },
    );
  }
}

/**
 * Stands before the key of a map in a path: Go's decoder leaves keys and indexes out, its list of
 * unknown fields has them.
 */
const KEY = "\u241f";
const IN_COLLECTION = /\u241f[^.[]*|\[\d+\]/g;

/** Fields of 64 bits; the recorded types do not tell them from those of 32. */
const LONG = new Set([
  "activeDeadlineSeconds",
  "deletionGracePeriodSeconds",
  "expirationSeconds",
  "fsGroup",
  "generation",
  "gracePeriodSeconds",
  "observedGeneration",
  "revision",
  "runAsGroup",
  "runAsUser",
  "sizeBytes",
  "supplementalGroups",
  "terminationGracePeriodSeconds",
  "tolerationSeconds",
]);

function isLong(path: string): boolean {
  return LONG.has(path.replaceAll(IN_COLLECTION, "").split(".").at(-1) ?? "");
}

const SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const MICROSECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

function time(kind: "time" | "microtime", value: unknown): string {
  if (typeof value === "string") {
    if ((kind === "time" ? SECONDS : MICROSECONDS).test(value)) return value;
    const ms = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
    if (!Number.isNaN(ms)) return kind === "time" ? secondsTime(ms) : microTime(ms);
  }
  const layout = `2006-01-02T15:04:05${kind === "time" ? "" : ".000000"}Z07:00`;
  throw new DecodeError(
    `parsing time ${JSON.stringify(value)} as "${layout}": cannot parse ${JSON.stringify(value)} as "2006"`,
  );
}

function zeroOf(shape: Shape): unknown {
  return absent({
    name: "",
    shape,
    number: "",
    omitEmpty: false,
    omitZero: false,
    merge: false,
    mergeKey: undefined,
    retainKeys: false,
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function shortName(type: string): string {
  return type.split(".").at(-1) ?? type;
}

function goName(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** Names of basic types in the decoder's complaints. */
const GO_TYPES: Readonly<Record<string, string>> = {
  text: "string",
  base64: "[]uint8",
  boolean: "bool",
  integer: "int32",
};

function goType(shape: Shape): string {
  return shape.is === "struct" ? shape.name : (GO_TYPES[shape.is] ?? shape.is);
}
