import { fromText } from "../bytes/utf8.ts";
import { parseRfc3339 } from "../time/instant.ts";
import { LOCAL_LOCATION, time } from "../time/types.ts";
import { BOOL, type GoType, INT64, STRING } from "../values/types.ts";
import {
  bool,
  byteSlice,
  type GoValue,
  int,
  pointer,
  slice,
  string,
  stringMap,
  struct,
  zero,
} from "../values/values.ts";
import "./methods.ts";
import {
  FIELDS_V1,
  MANAGED_FIELDS_ENTRY,
  META_TIME,
  OBJECT_META,
  OPERATION,
  OWNER_REFERENCE,
  PV_METADATA,
  UID,
} from "./types.ts";

/**
 * The data of a path, user, group or perm pattern: `.PVName`, and as `.PVC` the metadata of the claim as the API server
 * sent it. What is missing has its zero value, as it would after Go had decoded the same JSON.
 *
 * @throws TypeError where a field is not what Kubernetes says it is; an API server never sends such a claim.
 */
export function claimData(pvName: string, meta: unknown): GoValue {
  return struct(PV_METADATA, [string(fromText(pvName)), objectMeta(record(meta, "metadata"))]);
}

type Json = Readonly<Record<string, unknown>>;

function objectMeta(meta: Json): GoValue {
  const text = (key: string, type?: GoType): GoValue => textField(meta, key, type);
  return struct(OBJECT_META, [
    text("name"),
    text("generateName"),
    text("namespace"),
    text("selfLink"),
    text("uid", UID),
    text("resourceVersion"),
    integer(meta["generation"], "generation"),
    isAbsent(meta["creationTimestamp"]) ? zero(META_TIME) : metaTime(meta["creationTimestamp"], "creationTimestamp"),
    optional(META_TIME, meta["deletionTimestamp"], (value) => metaTime(value, "deletionTimestamp")),
    optional(INT64, meta["deletionGracePeriodSeconds"], (value) => integer(value, "deletionGracePeriodSeconds")),
    strings(meta["labels"], "labels"),
    strings(meta["annotations"], "annotations"),
    list(OWNER_REFERENCE, meta["ownerReferences"], "ownerReferences", (item) =>
      ownerReference(record(item, "ownerReferences")),
    ),
    list(STRING, meta["finalizers"], "finalizers", (item) => string(asText(item, "finalizers"))),
    list(MANAGED_FIELDS_ENTRY, meta["managedFields"], "managedFields", (item) =>
      managedFields(record(item, "managedFields")),
    ),
  ]);
}

function ownerReference(reference: Json): GoValue {
  return struct(OWNER_REFERENCE, [
    textField(reference, "apiVersion"),
    textField(reference, "kind"),
    textField(reference, "name"),
    textField(reference, "uid", UID),
    optional(BOOL, reference["controller"], (value) => bool(value === true)),
    optional(BOOL, reference["blockOwnerDeletion"], (value) => bool(value === true)),
  ]);
}

function managedFields(entry: Json): GoValue {
  return struct(MANAGED_FIELDS_ENTRY, [
    textField(entry, "manager"),
    textField(entry, "operation", OPERATION),
    textField(entry, "apiVersion"),
    optional(META_TIME, entry["time"], (value) => metaTime(value, "managedFields.time")),
    textField(entry, "fieldsType"),
    // Go keeps the JSON as it was sent, which is without spaces.
    optional(FIELDS_V1, entry["fieldsV1"], (value) => struct(FIELDS_V1, [byteSlice(fromText(JSON.stringify(value)))])),
    textField(entry, "subresource"),
  ]);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function optional(type: GoType, value: unknown, read: (value: unknown) => GoValue): GoValue {
  return pointer(type.pointer, isAbsent(value) ? null : read(value));
}

/** Go decodes timestamps into the local zone. An empty string is not one. */
function metaTime(value: unknown, field: string): GoValue {
  const text = asText(value, field);
  const instant = parseRfc3339(text);
  if (instant === undefined) throw new TypeError(`${field} is not a time: ${text}`);
  return struct(META_TIME, [time(instant, LOCAL_LOCATION)]);
}

function integer(value: unknown, field: string): GoValue {
  if (isAbsent(value)) return zero(INT64);
  if (typeof value !== "number" || !Number.isInteger(value)) throw new TypeError(`${field} is not an integer`);
  return int(value, INT64);
}

function strings(value: unknown, field: string): GoValue {
  if (isAbsent(value)) return stringMap(null);
  const entries = Object.entries(record(value, field));
  return stringMap(
    new Map(entries.map(([key, item]) => [fromText(key), isAbsent(item) ? "" : asText(item, `${field}.${key}`)])),
  );
}

function list(type: GoType, value: unknown, field: string, read: (item: unknown) => GoValue): GoValue {
  if (isAbsent(value)) return zero(type.slice);
  if (!Array.isArray(value)) throw new TypeError(`${field} is not a list`);
  const items = value.map((item: unknown) => (isAbsent(item) ? zero(type) : read(item)));
  return slice(type, items, capacityAfter(items.length, type));
}

/**
 * The room that Go's decoder leaves behind a list's end, which `slice` can reach into: it appends one at a time, and
 * the runtime doubles the array and rounds it up to a size it keeps memory for.
 */
function capacityAfter(length: number, type: GoType): number {
  const size = type === STRING ? 16 : type === OWNER_REFERENCE ? 80 : 104;
  let capacity = 0;
  while (capacity < length) capacity = Math.floor(sizeClass(Math.max(capacity * 2, capacity + 1) * size) / size);
  return capacity;
}

const SIZE_CLASSES = [
  16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448, 480, 512,
  576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864, 5376,
  6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576,
  27264, 28672, 32768,
];

function sizeClass(bytes: number): number {
  return SIZE_CLASSES.find((size) => size >= bytes) ?? Math.ceil(bytes / 8192) * 8192;
}

function textField(json: Json, key: string, type: GoType = STRING): GoValue {
  const value = json[key];
  return isAbsent(value) ? zero(type) : string(asText(value, key), type);
}

function asText(value: unknown, field: string): string {
  if (typeof value !== "string") throw new TypeError(`${field} is not a string`);
  return fromText(value);
}

function record(value: unknown, field: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError(`${field} is not an object`);
  return value as Json;
}
