import { UnsupportedError, ValueError } from "../error.ts";
import { byteOrder, isList, isTexts, NamedNumber, numberIn, typeName, type Value } from "./values.ts";

/** eq: is the first argument equal to any of the others? */
export function equalsAny(first: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw new ValueError("missing argument for comparison");
  return others.some((other) => equals(first, other));
}

function equals(a: Value, b: Value): boolean {
  for (const value of [a, b]) {
    if (kind(value) === "other") throw new UnsupportedError(`comparing a ${typeName(value)}`);
  }
  // A label that is missing equals no text.
  if (a === undefined || b === undefined) return a === b;
  if (kind(a) !== kind(b)) throw incompatible(a, b);
  return (numberIn(a) ?? a) === (numberIn(b) ?? b);
}

/** lt */
export function isLess(a: Value, b: Value): boolean {
  const x = numberIn(a);
  const y = numberIn(b);
  if (x !== undefined && y !== undefined) return x < y;
  if (typeof a === "string" && typeof b === "string") return byteOrder(a, b) < 0;
  const alike = kind(a) === kind(b);
  const basic = ![kind(a), kind(b)].some((one) => one === "undefined" || one === "other");
  throw basic && !alike ? incompatible(a, b) : new ValueError("invalid type for comparison");
}

function kind(value: Value): string {
  if (value instanceof NamedNumber) return "number";
  return isTexts(value) || isList(value) || typeof value === "object" ? "other" : typeof value;
}

function incompatible(a: Value, b: Value): ValueError {
  return new ValueError(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
}
