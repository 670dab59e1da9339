// The operators, functions and macros. CEL has more; compiling an expression that uses them fails.

/** The evaluation failed, for example because it read a field that does not exist. */
export class CelError extends Error {
  override readonly name = "CelError";
}

/** A compiled expression. It is called with the values of its names. */
export type Evaluate = (names: Readonly<Record<string, unknown>>) => unknown;

export type Binary = (left: unknown, right: unknown) => unknown;

export const RELATIONS: ReadonlyMap<string, Binary> = new Map<string, Binary>([
  ["==", equal],
  ["!=", (left, right) => !equal(left, right)],
  ["<", (left, right) => compare(left, right) < 0],
  ["<=", (left, right) => compare(left, right) <= 0],
  [">", (left, right) => compare(left, right) > 0],
  [">=", (left, right) => compare(left, right) >= 0],
  ["in", (left, right) => listOf(right, "in").some((item) => equal(left, item))],
]);

export type Method = (on: unknown, args: readonly unknown[]) => unknown;

export const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["size", (on) => (typeof on === "string" ? Array.from(on).length : listOf(on, "size").length)],
  ["split", (on, [separator]) => textOf(on, "split").split(textOf(separator, "split"))],
]);

/** The result of each macro for a list and a predicate on its items. */
export const MACROS: ReadonlyMap<string, (items: readonly unknown[], holds: (item: unknown) => unknown) => boolean> =
  new Map([
    ["all", (items, holds) => joined(items, holds, false)],
    ["exists", (items, holds) => joined(items, holds, true)],
    ["exists_one", (items, holds) => items.filter((item) => truth(holds(item))).length === 1],
  ]);

/** The predicate's results joined by `||` (`wanted` true) or by `&&` (`wanted` false). */
function joined(items: readonly unknown[], holds: (item: unknown) => unknown, wanted: boolean): boolean {
  return items.reduceRight<() => boolean>(
    (rest, item) => () => absorbing(() => holds(item), rest, wanted),
    () => !wanted,
  )();
}

/**
 * `||` (`wanted` true) or `&&` (`wanted` false). One side may decide even if the other one fails.
 */
export function absorbing(left: () => unknown, right: () => unknown, wanted: boolean): boolean {
  let first: boolean;
  try {
    first = truth(left());
  } catch (error) {
    if (error instanceof CelError && truth(right()) === wanted) return wanted;
    throw error;
  }
  return first === wanted ? wanted : truth(right());
}

/** A field of an object. */
export function select(on: unknown, field: string): unknown {
  if (!hasField(on, field)) throw new CelError(`no such key: ${field}`);
  return (on as Readonly<Record<string, unknown>>)[field];
}

/** The result of `has`. */
export function hasField(on: unknown, field: string): boolean {
  if (typeof on !== "object" || on === null || Array.isArray(on)) throw new CelError(`no object has .${field}`);
  return Object.hasOwn(on, field) && (on as Readonly<Record<string, unknown>>)[field] !== undefined;
}

export function truth(value: unknown): boolean {
  if (typeof value !== "boolean") throw new CelError(`no such overload: ${String(value)} is no bool`);
  return value;
}

export function add(left: unknown, right: unknown): unknown {
  if (typeof left === "number" && typeof right === "number") return left + right;
  return textOf(left, "+") + textOf(right, "+");
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new CelError(`no such overload: ${what} of no list`);
  return value;
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") throw new CelError(`no such overload: ${what} of no string`);
  return value;
}

function compare(left: unknown, right: unknown): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  const [a, b] = [textOf(left, "comparison"), textOf(right, "comparison")];
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Compares lists item by item and objects field by field. */
function equal(left: unknown, right: unknown): boolean {
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return left === right;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [a, b] = [left, right].map((each) => Object.entries(each).filter(([, value]) => value !== undefined));
  const other = right as Readonly<Record<string, unknown>>;
  return a?.length === b?.length && a?.every(([key, value]) => equal(value, other[key])) === true;
}
