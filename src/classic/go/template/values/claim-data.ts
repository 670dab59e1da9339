import { wellFormed } from "../../well-formed.ts";
import { UnsupportedError } from "../error.ts";
import { isTimeMethod, timeOf } from "./time.ts";
import type { Fields, Texts, Value } from "./values.ts";

/** Fields of the metadata that the original has and a pattern here cannot read. */
const LEFT_OUT = new Set([
  "DeletionTimestamp",
  "DeletionGracePeriodSeconds",
  "OwnerReferences",
  "ManagedFields",
  "OpenAPIModelName",
]);

/**
 * The data of a path, user, group or perm pattern: `.PVName`, and as `.PVC` the metadata of the
 * claim. What is missing has its zero value, as it would after Go had decoded the same JSON.
 *
 * @throws TypeError where a field is not what Kubernetes says; no API server sends such a claim.
 */
export function claimData(pvName: string, meta: unknown): Value {
  return fields(
    "main.pvMetadata",
    new Map<string, Value>([
      ["PVName", wellFormed(pvName)],
      ["PVC", objectMeta(record(meta, "metadata"))],
    ]),
  );
}

/** What a path from the top of the data reads that no pattern can, whatever the claim. */
export function leftOut(names: readonly string[]): string | undefined {
  const [top, field = "", method = ""] = names;
  if (top !== "PVC") return undefined;
  if (LEFT_OUT.has(field)) return `the field ${field} of the claim's metadata`;
  const isTime = field === "CreationTimestamp" && method !== "";
  return isTime && !isTimeMethod(method) ? `the method ${method} of a time` : undefined;
}

type Json = Readonly<Record<string, unknown>>;

function objectMeta(meta: Json): Value {
  const text = (key: string): string => asText(meta[key] ?? "", key);
  return fields(
    "v1.ObjectMeta",
    new Map<string, Value>([
      ["Name", text("name")],
      ["GenerateName", text("generateName")],
      ["Namespace", text("namespace")],
      ["SelfLink", text("selfLink")],
      ["UID", text("uid")],
      ["ResourceVersion", text("resourceVersion")],
      ["Generation", whole(meta["generation"] ?? 0, "generation")],
      ["CreationTimestamp", timeOf(asText(meta["creationTimestamp"] ?? "0001-01-01T00:00:00Z", "creationTimestamp"))],
      ["Labels", texts(meta["labels"], "labels")],
      ["Annotations", texts(meta["annotations"], "annotations")],
      ["Finalizers", list(meta["finalizers"], "finalizers")],
    ]),
  );
}

function fields(type: string, all: ReadonlyMap<string, Value>): Fields {
  return {
    type,
    get: (name) => {
      if (type === "v1.ObjectMeta" && LEFT_OUT.has(name)) throw new UnsupportedError(`the field ${name}`);
      const value = all.get(name);
      if (typeof value === "number" && !Number.isSafeInteger(value))
        throw new UnsupportedError(`the number in ${name}`);
      return all.has(name) ? { value } : undefined;
    },
  };
}

function record(value: unknown, what: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new TypeError(`${what} is not an object`);
}

function asText(value: unknown, what: string): string {
  if (typeof value === "string") return wellFormed(value);
  throw new TypeError(`${what} is not a string`);
}

function whole(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw new TypeError(`${what} is not a whole number`);
}

function texts(value: unknown, what: string): Texts {
  const entries = Object.entries(record(value ?? {}, what));
  return new Map(entries.map(([key, text]) => [wellFormed(key), asText(text, `${what}.${key}`)]));
}

function list(value: unknown, what: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new TypeError(`${what} is not a list`);
  return value.map((item) => asText(item, what));
}
