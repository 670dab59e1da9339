import { type Bytes } from "../bytes/utf8.ts";
import { unixSeconds, isZero } from "../time/instant.ts";
import { instantOf } from "../time/types.ts";
import { bytesOf, type GoValue, type Maybe } from "../values/values.ts";
import { FIELDS_V1, MANAGED_FIELDS_ENTRY, META_TIME, OWNER_REFERENCE, TIMESTAMP } from "./types.ts";
import type { GoType } from "../values/types.ts";

/** Field numbers in the protobuf messages, by type and in the order of the numbers. */
const NUMBERS: ReadonlyMap<GoType, Readonly<Record<string, number>>> = new Map<
  GoType,
  Readonly<Record<string, number>>
>([
  [TIMESTAMP, { Seconds: 1, Nanos: 2 }],
  [FIELDS_V1, { Raw: 1 }],
  [OWNER_REFERENCE, { Kind: 1, Name: 3, UID: 4, APIVersion: 5, Controller: 6, BlockOwnerDeletion: 7 }],
  [
    MANAGED_FIELDS_ENTRY,
    { Manager: 1, Operation: 2, APIVersion: 3, Time: 4, FieldsType: 6, FieldsV1: 7, Subresource: 8 },
  ],
]);

/** What a value's Marshal method returns: its protobuf encoding. */
export function wire(value: Maybe<GoValue>): Bytes {
  if (value?.kind === "pointer") return value.target === null ? "" : wire(value.target);
  if (value?.kind !== "struct") return "";
  if (value.type === META_TIME) return wireTime(value);
  return Object.entries(NUMBERS.get(value.type) ?? {})
    .map(([name, number]) => field(number, value.fields[value.type.fields.findIndex((known) => known.name === name)]))
    .join("");
}

/** Seconds only: that is all the JSON form has. */
function wireTime(value: GoValue): Bytes {
  const instant = instantOf(value);
  return isZero(instant) ? "" : `\x08${varint(unixSeconds(instant))}\x10\x00`;
}

function field(number: number, value: Maybe<GoValue>): Bytes {
  const key = varint(BigInt(number * 8));
  if (value?.kind === "int") return key + varint(value.value);
  if (value?.kind === "bool") return key + (value.value ? "\x01" : "\x00");
  if (value?.kind === "string") return delimited(number, value.value);
  if (value?.kind === "slice") return value.length === 0 ? "" : delimited(number, bytesOf(value));
  if (value?.kind !== "pointer" || value.target === null) return "";
  return value.target.kind === "bool" ? field(number, value.target) : delimited(number, wire(value.target));
}

function delimited(number: number, bytes: Bytes): Bytes {
  return varint(BigInt(number * 8 + 2)) + varint(BigInt(bytes.length)) + bytes;
}

function varint(value: bigint): Bytes {
  let left = BigInt.asUintN(64, value);
  let out = "";
  while (left >= 0x80n) {
    out += String.fromCharCode(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  return out + String.fromCharCode(Number(left));
}
