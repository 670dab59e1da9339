import { UnsupportedError } from "../error.ts";

/** A number that prints as a name: a month, a day of the week. */
export class NamedNumber {
  readonly value: number;
  readonly name: string;
  readonly type: string;

  constructor(type: string, value: number, name: string) {
    this.type = type;
    this.value = value;
    this.name = name;
  }
}

/** Something with fields, and perhaps a text. Reading what is not supported throws. */
export interface Fields {
  /** What Go calls its type. */
  readonly type: string;
  /** undefined: there is no such field. */
  readonly get: (name: string) => Field | undefined;
  /** How it prints; undefined where that is not supported. */
  readonly text?: string;
}

export type Field =
  | { readonly value: Value }
  /** Takes one text in quotes. */
  | { readonly method: (argument: string) => Value };

/** A string map of the claim: its labels, its annotations. */
export type Texts = ReadonlyMap<string, string>;

/**
 * What a template computes with. Numbers are whole. undefined is Go's value that is not there: a
 * missing label, or nil. Texts are of whole characters; where Go counts bytes, so do the functions.
 */
export type Value = undefined | boolean | number | string | NamedNumber | Texts | readonly string[] | Fields;

export function isTexts(value: Value): value is Texts {
  return value instanceof Map;
}

export function isList(value: Value): value is readonly string[] {
  return Array.isArray(value);
}

/** The number in a number or a named number. */
export function numberIn(value: Value): number | undefined {
  if (value instanceof NamedNumber) return value.value;
  return typeof value === "number" ? value : undefined;
}

/** What if, with, and, or and not go by: all but zero, nothing, and what is empty is true. */
export function isTrue(value: Value): boolean {
  const number = numberIn(value);
  if (number !== undefined) return number !== 0;
  if (isTexts(value)) return value.size > 0;
  if (isList(value)) return value.length > 0;
  return value !== undefined && value !== false && value !== "";
}

/** What Go calls the value's type. */
export function typeName(value: Value): string {
  if (typeof value === "number") return "int";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  if (value === undefined) return "nil";
  if (isTexts(value)) return "map[string]string";
  return isList(value) ? "[]string" : value.type;
}

/** The order of Go, which compares the bytes. */
export function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Entries in the order in which Go prints them and ranges over them. */
export function sortedEntries(texts: Texts): (readonly [string, string])[] {
  return [...texts].sort(([a], [b]) => byteOrder(a, b));
}

/** Refuses text in which Go would look up whether each character can be printed. */
export function asciiOnly(text: string, by: string): string {
  if (/[^\0-\x7f]/.test(text)) throw new UnsupportedError(`${by} of text that is not ASCII`);
  return text;
}
