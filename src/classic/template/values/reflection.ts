import { type Bytes } from "../bytes/utf8.ts";
import { findMethod, type GoType } from "./types.ts";
import { detached, fieldAt, type GoValue, type Maybe, type MapValue, string, type StructValue } from "./values.ts";

/** What if, with, and, or and not go by: everything but a zero number, nil and an empty string, map or slice is true. */
export function isTrue(value: Maybe<GoValue>): boolean {
  if (value === undefined) return false;
  switch (value.kind) {
    case "bool":
      return value.value;
    case "int":
    case "uint":
      return value.value !== 0n;
    case "float":
      return value.value !== 0;
    case "complex":
      return value.re !== 0 || value.im !== 0;
    case "string":
      return value.value !== "";
    case "slice":
      return value.length > 0;
    case "map":
      return (value.entries?.size ?? 0) > 0;
    case "pointer":
      return value.target !== null;
    case "interface":
      return value.inner !== null;
    case "struct":
      return true;
    default:
      return value satisfies never;
  }
}

/** Follows pointers and interfaces to what they lead to. */
export function indirect(value: GoValue): { readonly value: GoValue; readonly isNil: boolean } {
  let at = value;
  for (;;) {
    const inner = at.kind === "pointer" ? at.target : at.kind === "interface" ? at.inner : undefined;
    if (inner === undefined) return { value: at, isNil: false };
    if (inner === null) return { value: at, isNil: true };
    at = inner;
  }
}

/** What an interface holds; other values as they are. */
export function concrete(value: Maybe<GoValue>): Maybe<GoValue> {
  if (value?.kind !== "interface") return value;
  return value.inner ?? undefined;
}

/** nil, typed or not? */
export function isNil(value: Maybe<GoValue>): boolean {
  if (value === undefined) return true;
  if (value.kind === "pointer") return value.target === null;
  if (value.kind === "interface") return value.inner === null;
  if (value.kind === "slice") return value.array === null;
  return value.kind === "map" && value.entries === null;
}

/** May values of the type be nil? */
export function canBeNil(type: GoType): boolean {
  return ["pointer", "interface", "slice", "map"].includes(type.kind);
}

export type FoundField =
  | { readonly value: GoValue; readonly isExported: boolean }
  /** The way to it leads through a nil pointer. */
  | undefined;

/** A field of a struct, or of a struct embedded in it. */
export function findField(value: StructValue, name: Bytes): FoundField {
  const index = value.type.fields.findIndex((field) => field.name === name);
  const own = index < 0 ? undefined : fieldAt(value, index);
  if (own !== undefined) return { value: own, isExported: isExported(name) };
  for (const [at, field] of value.type.fields.entries()) {
    const inner = field.embedded === true ? fieldAt(value, at) : undefined;
    const found = inner?.kind === "struct" ? findField(inner, name) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

export function hasField(type: GoType, name: Bytes): boolean {
  return type.fields.some((field) => field.name === name || (field.embedded === true && hasField(field.type, name)));
}

export function isExported(name: string): boolean {
  return /^\p{Lu}/u.test(name);
}

/** The entry of a map, or no value. */
export function entry(map: MapValue, key: Bytes): Maybe<GoValue> {
  const found = map.entries?.get(key);
  return found === undefined ? undefined : string(found);
}

/** Keys in the order Go prints and ranges over them: by bytes. */
export function sortedKeys(map: MapValue): readonly Bytes[] {
  return [...(map.entries?.keys() ?? [])].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Can values of the type be compared with == in Go? */
export function isComparable(type: GoType): boolean {
  if (type.kind === "slice" || type.kind === "map") return false;
  return type.fields.every((field) => isComparable(field.type));
}

/** == on two values of comparable types. */
export function identical(a: GoValue, b: GoValue): boolean {
  if (a.type !== b.type) return false;
  if (a.kind === "complex") return b.kind === "complex" && a.re === b.re && a.im === b.im;
  if (a.kind === "pointer") return b.kind === "pointer" && a.target === b.target;
  if (a.kind === "interface") return b.kind === "interface" && a.inner === b.inner;
  if (a.kind !== "struct") return "value" in a && "value" in b && a.value === b.value;
  if (b.kind !== "struct") return false;
  return a.fields.every((field, index) => {
    const other = b.fields[index];
    return other !== undefined && identical(field, other);
  });
}

/**
 * The value print should be given: what a pointer leads to, but the pointer itself where only that knows how to print
 * itself. No value prints as such.
 */
export function printable(value: Maybe<GoValue>): GoValue {
  if (value === undefined) return string("<no value>");
  const target = value.kind === "pointer" ? indirect(value).value : value;
  if (findMethod(detached(target), "String") !== undefined) return target;
  if (target.addressable && findMethod(target, "String") !== undefined) {
    return { kind: "pointer", type: target.type.pointer, target, addressable: false };
  }
  return target;
}
