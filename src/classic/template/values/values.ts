import type { Bytes } from "../bytes/utf8.ts";
import { BOOL, COMPLEX128, FLOAT64, type GoField, type GoType, INT, STRING, STRING_MAP, UINT8 } from "./types.ts";

interface Typed {
  readonly type: GoType;
  /** Lies in memory, behind a pointer or in a slice, so that pointer methods can be called on it. */
  readonly addressable: boolean;
}

export interface StringValue extends Typed {
  readonly kind: "string";
  readonly value: Bytes;
}

export interface SliceValue extends Typed {
  readonly kind: "slice";
  /** The array behind the slice up to its capacity; null for a nil slice. */
  readonly array: readonly GoValue[] | null;
  readonly length: number;
}

export interface MapValue extends Typed {
  readonly kind: "map";
  /** All maps a claim holds are from string to string. Null for a nil map. */
  readonly entries: ReadonlyMap<Bytes, Bytes> | null;
}

export interface StructValue extends Typed {
  readonly kind: "struct";
  readonly fields: readonly GoValue[];
}

export interface PointerValue extends Typed {
  readonly kind: "pointer";
  readonly target: GoValue | null;
}

/** A value of a named interface type; an interface {} is always unwrapped at once. */
export interface InterfaceValue extends Typed {
  readonly kind: "interface";
  readonly inner: GoValue | null;
}

/** A Go value: what reflect.Value is in Go. */
export type GoValue =
  | (Typed & { readonly kind: "bool"; readonly value: boolean })
  | (Typed & { readonly kind: "int"; readonly value: bigint })
  | (Typed & { readonly kind: "uint"; readonly value: bigint })
  | (Typed & { readonly kind: "float"; readonly value: number })
  | (Typed & { readonly kind: "complex"; readonly re: number; readonly im: number })
  | StringValue
  | SliceValue
  | MapValue
  | StructValue
  | PointerValue
  | InterfaceValue;

/** undefined is Go's invalid reflect.Value: a missing map entry, or nil without a type. */
export type Maybe<T> = T | undefined;

export function bool(value: boolean): GoValue {
  return { kind: "bool", type: BOOL, value, addressable: false };
}

/** An integer, wrapped around as 64 bits of two's complement do. */
export function int(value: bigint | number, type: GoType = INT): GoValue {
  return { kind: "int", type, value: BigInt.asIntN(64, BigInt(value)), addressable: false };
}

export function uint(value: bigint | number, type: GoType): GoValue {
  return { kind: "uint", type, value: BigInt.asUintN(64, BigInt(value)), addressable: false };
}

export function float(value: number): GoValue {
  return { kind: "float", type: FLOAT64, value, addressable: false };
}

export function complex(re: number, im: number): GoValue {
  return { kind: "complex", type: COMPLEX128, re, im, addressable: false };
}

export function string(value: Bytes, type: GoType = STRING): StringValue {
  return { kind: "string", type, value, addressable: false };
}

export function stringMap(entries: ReadonlyMap<Bytes, Bytes> | null): MapValue {
  return { kind: "map", type: STRING_MAP, entries, addressable: false };
}

export function struct(type: GoType, fields: readonly GoValue[]): StructValue {
  return { kind: "struct", type, fields, addressable: false };
}

export function pointer(type: GoType, target: GoValue | null): PointerValue {
  return { kind: "pointer", type, target: target === null ? null : inMemory(target), addressable: false };
}

/** A slice; what lies between its length and the capacity are zero values. */
export function slice(element: GoType, items: readonly GoValue[] | null, capacity = items?.length ?? 0): SliceValue {
  const padded = items === null ? null : [...items];
  while (padded !== null && padded.length < capacity) padded.push(zero(element));
  const array = padded?.map(inMemory) ?? null;
  return { kind: "slice", type: element.slice, array, length: items?.length ?? 0, addressable: false };
}

export function byteSlice(bytes: Bytes | null): SliceValue {
  return slice(UINT8, bytes === null ? null : Array.from(bytes, (byte) => uint(byte.charCodeAt(0), UINT8)));
}

/** The contents of a []byte. */
export function bytesOf(value: SliceValue): Bytes {
  return itemsOf(value)
    .map((item) => (item.kind === "uint" ? String.fromCharCode(Number(item.value)) : ""))
    .join("");
}

export function itemsOf(value: SliceValue): readonly GoValue[] {
  return value.array?.slice(0, value.length) ?? [];
}

/** The same value, lying in memory; the parts of a struct then do as well. */
export function inMemory(value: GoValue): GoValue {
  return value.addressable ? value : { ...value, addressable: true };
}

/** The same value as a copy that lies nowhere, which is what passing it as an argument makes of it. */
export function detached(value: GoValue): GoValue {
  return value.addressable ? { ...value, addressable: false } : value;
}

/** A field; it lies in memory when its struct does. */
export function fieldAt(value: StructValue, index: number): Maybe<GoValue> {
  const field = value.fields[index];
  return field !== undefined && value.addressable ? inMemory(field) : field;
}

/** The zero value of a type. */
export function zero(type: GoType): GoValue {
  const base = { type, addressable: false };
  switch (type.kind) {
    case "bool":
      return { ...base, kind: "bool", value: false };
    case "int":
      return { ...base, kind: "int", value: 0n };
    case "uint":
      return { ...base, kind: "uint", value: 0n };
    case "float":
      return { ...base, kind: "float", value: 0 };
    case "complex":
      return { ...base, kind: "complex", re: 0, im: 0 };
    case "string":
      return { ...base, kind: "string", value: "" };
    case "struct":
      return { ...base, kind: "struct", fields: type.fields.map((field: GoField) => zero(field.type)) };
    case "slice":
      return { ...base, kind: "slice", array: null, length: 0 };
    case "map":
      return { ...base, kind: "map", entries: null };
    case "pointer":
      return { ...base, kind: "pointer", target: null };
    case "interface":
      return { ...base, kind: "interface", inner: null };
    default:
      return type.kind satisfies never;
  }
}
