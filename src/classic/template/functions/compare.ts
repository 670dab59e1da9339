import { GoError } from "../error.ts";
import type { Budget } from "../limits.ts";
import { sprintf } from "../fmt/print.ts";
import { concrete, identical, isComparable, isNil } from "../values/reflection.ts";
import { type GoValue, type Maybe, string, type StringValue } from "../values/values.ts";

const BASIC: readonly string[] = ["bool", "int", "uint", "float", "complex", "string"];

/** eq: is the first argument equal to any of the others? */
export function equalsAny(first: Maybe<GoValue>, others: readonly Maybe<GoValue>[], budget: Budget): boolean {
  if (others.length === 0) throw new GoError("missing argument for comparison");
  return others.some((other) => equals(concrete(first), concrete(other), budget));
}

function equals(a: Maybe<GoValue>, b: Maybe<GoValue>, budget: Budget): boolean {
  const kindA = basicKind(a);
  const kindB = basicKind(b);
  if (kindA !== kindB) {
    if (isInteger(a) && isInteger(b)) return a.value === b.value;
    if (a === undefined || b === undefined) return false;
    throw incompatible(a, b);
  }
  if (kindA !== undefined) return sameBasic(a, b, budget);
  if (a !== undefined && b !== undefined && a.kind !== b.kind) {
    const named = (value: GoValue): GoValue => string(value.type.name);
    throw new GoError(sprintf("non-comparable types %s: %v, %s: %v", [a, named(a), named(b), b], budget));
  }
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  if (a === undefined || b === undefined) return false;
  if (!isComparable(b.type)) throw new GoError(sprintf("non-comparable type %s: %v", [b, string(b.type.name)], budget));
  return identical(a, b);
}

/** Comparing long strings takes time, which counts as well. */
function spend(a: StringValue, b: StringValue, budget: Budget): void {
  budget.bytes(Math.floor(Math.min(a.value.length, b.value.length) / 1024));
}

function sameBasic(a: Maybe<GoValue>, b: Maybe<GoValue>, budget: Budget): boolean {
  if (a?.kind === "string" && b?.kind === "string") spend(a, b, budget);
  if (a?.kind === "complex" && b?.kind === "complex") return a.re === b.re && a.im === b.im;
  return a !== undefined && b !== undefined && "value" in a && "value" in b && a.value === b.value;
}

/** lt: integers of either sign compare with each other, otherwise only like with like. */
export function isLess(first: Maybe<GoValue>, second: Maybe<GoValue>, budget: Budget): boolean {
  const a = concrete(first);
  const b = concrete(second);
  const kindA = basicKind(a);
  const kindB = basicKind(b);
  if (a === undefined || b === undefined || kindA === undefined || kindB === undefined) throw badType();
  if (isInteger(a) && isInteger(b)) return a.value < b.value;
  if (a.kind === "float" && b.kind === "float") return a.value < b.value;
  if (a.kind === "string" && b.kind === "string") {
    spend(a, b, budget);
    return a.value < b.value;
  }
  throw kindA === kindB ? badType() : incompatible(a, b);
}

function basicKind(value: Maybe<GoValue>): string | undefined {
  return value !== undefined && BASIC.includes(value.kind) ? value.kind : undefined;
}

function isInteger(value: Maybe<GoValue>): value is GoValue & { readonly kind: "int" | "uint" } {
  return value?.kind === "int" || value?.kind === "uint";
}

function badType(): GoError {
  return new GoError("invalid type for comparison");
}

function incompatible(a: GoValue, b: GoValue): GoError {
  return new GoError(`incompatible types for comparison: ${a.type.name} and ${b.type.name}`);
}
