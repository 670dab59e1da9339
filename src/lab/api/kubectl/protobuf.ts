// Kubernetes' protobuf, as far as bodies of requests go: kubectl sends it for what it makes up
// itself (`create namespace`, `create token`, `auth can-i`), and falls back to nothing. Answers are
// always JSON, which every client takes.
//
// A body is `k8s\0` and a message runtime.Unknown: 1 the type (1 apiVersion, 2 kind), 2 the object.
// The numbers of the fields are recorded with the types.
import { secondsTime, microTime } from "../../../kube/timestamps.ts";
import { DecodeError } from "../../schema/conform.ts";
import { fieldsOf, type Field, type Shape } from "../../schema/schema.ts";

const MAGIC = "k8s\0";

/** The JSON of a protobuf body. Throws a DecodeError. */
export function decodeProtobuf(body: Uint8Array): Record<string, unknown> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC)
    throw new DecodeError("provided data does not appear to be a protobuf message");
  let apiVersion = "";
  let kind = "";
  let raw: Buffer = Buffer.alloc(0);
  for (const { number, value } of messages(bytes.subarray(MAGIC.length))) {
    if (number === 2) raw = asBytes(value);
    if (number !== 1) continue;
    for (const part of messages(asBytes(value))) {
      if (part.number === 1) apiVersion = asBytes(part.value).toString();
      if (part.number === 2) kind = asBytes(part.value).toString();
    }
  }
  return { apiVersion, kind, ...struct(typeOf(apiVersion, kind), raw) };
}

function typeOf(apiVersion: string, kind: string): string {
  const [group = "", version] = apiVersion.split("/");
  const own = version === undefined ? `core.${group}.${kind}` : `${group.split(".")[0] ?? ""}.${version}.${kind}`;
  const known = [own, `meta.v1.${kind}`].find((type) => fieldsOf(type) !== undefined);
  if (known === undefined)
    throw new DecodeError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  return known;
}

function struct(type: string, bytes: Buffer): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  fill(object, [...(fieldsOf(type)?.values() ?? [])], "", bytes);
  return object;
}

/**
 * Reads a message whose fields are those with this prefix to their numbers: a struct that stands
 * inline in JSON is a message of its own here.
 */
function fill(object: Record<string, unknown>, fields: readonly Field[], prefix: string, bytes: Buffer): void {
  for (const { number, value } of messages(bytes)) {
    const path = `${prefix}${String(number)}`;
    const field = fields.find((each) => each.number === path);
    if (field !== undefined) object[field.name] = merged(object[field.name], field.shape, value);
    else if (fields.some((each) => each.number.startsWith(`${path}.`)))
      fill(object, fields, `${path}.`, asBytes(value));
  }
}

/** Lists and maps come one element at a time. */
function merged(before: unknown, shape: Shape, value: Value): unknown {
  if (shape.is === "pointer") return merged(before, shape.of, value);
  if (shape.is === "list") return [...((before as unknown[] | undefined) ?? []), single(shape.of, value)];
  if (shape.is !== "map") return single(shape, value);
  let key = "";
  let item: unknown = null;
  for (const part of messages(asBytes(value))) {
    if (part.number === 1) key = asBytes(part.value).toString();
    // A list inside a map is a message with its elements as field 1.
    if (part.number === 2)
      item = shape.of.is === "list" ? listOf(shape.of.of, asBytes(part.value)) : single(shape.of, part.value);
  }
  return { ...(before as object | undefined), [key]: item };
}

function listOf(shape: Shape, bytes: Buffer): unknown[] {
  return [...messages(bytes)].map(({ value }) => single(shape, value));
}

function single(shape: Shape, value: Value): unknown {
  switch (shape.is) {
    case "pointer":
      return single(shape.of, value);
    case "struct":
      return struct(shape.name, asBytes(value));
    case "text":
      return asBytes(value).toString();
    case "base64":
      return asBytes(value).toString("base64");
    case "integer":
      return Number(asNumber(value));
    case "boolean":
      return asNumber(value) !== 0n;
    case "number":
      return asBytes(value).readDoubleLE(0);
    case "time":
    case "microtime": {
      const [seconds, nanos] = [numberAt(asBytes(value), 1), numberAt(asBytes(value), 2)];
      if (asBytes(value).length === 0) return null;
      const ms = seconds * 1000 + nanos / 1e6;
      return shape.is === "time" ? secondsTime(ms) : microTime(ms);
    }
    case "quantity":
      return textAt(asBytes(value), 1) || "0";
    case "intOrText":
      return numberAt(asBytes(value), 1) === 0 ? numberAt(asBytes(value), 2) : textAt(asBytes(value), 3);
    case "any": {
      const raw = textAt(asBytes(value), 1);
      return raw === "" ? null : (JSON.parse(raw) as unknown);
    }
    case "list":
      return listOf(shape.of, asBytes(value));
    case "map":
      return null;
    default:
      return shape satisfies never;
  }
}

function numberAt(bytes: Buffer, number: number): number {
  const found = [...messages(bytes)].find((part) => part.number === number);
  return found === undefined ? 0 : Number(asNumber(found.value));
}

function textAt(bytes: Buffer, number: number): string {
  const found = [...messages(bytes)].find((part) => part.number === number);
  return found === undefined ? "" : asBytes(found.value).toString();
}

type Value = bigint | Buffer;

function asBytes(value: Value): Buffer {
  if (typeof value === "bigint") throw new DecodeError("proto: wrong wireType");
  return value;
}

function asNumber(value: Value): bigint {
  if (typeof value !== "bigint") throw new DecodeError("proto: wrong wireType");
  return value;
}

/** The fields of a message in their order: numbers as signed 64-bit integers, all else as bytes. */
function* messages(bytes: Buffer): Generator<{ number: number; value: Value }> {
  let at = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new DecodeError("unexpected EOF");
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, result);
    }
    throw new DecodeError("proto: integer overflow");
  };
  const take = (length: number): Buffer => {
    if (length < 0 || at + length > bytes.length) throw new DecodeError("unexpected EOF");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const number = key >> 3;
    switch (key & 7) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: take(8) };
        break;
      case 2:
        yield { number, value: take(Number(varint())) };
        break;
      case 5:
        yield { number, value: take(4) };
        break;
      default:
        throw new DecodeError(`proto: illegal wireType ${String(key & 7)}`);
    }
  }
}
