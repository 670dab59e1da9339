import { index, length, slice } from "./values/collections.ts";
import { equalsAny, isLess } from "./values/compare.ts";
import { escapeHtml, escapeJs, escapeQuery } from "./values/escape.ts";
import type { Budget } from "./limits.ts";
import { show, sprint, sprintf } from "./values/print.ts";
import { isTrue, type Value } from "./values/values.ts";

interface Function {
  /** How many arguments it takes; `most` undefined for any number. */
  readonly least: number;
  readonly most?: number;
  readonly call: (args: readonly Value[], budget: Budget) => Value;
}

function comparison(holds: (a: Value, b: Value) => boolean): Function {
  return { least: 2, most: 2, call: ([a, b]) => holds(a, b) };
}

function printing(print: (args: readonly Value[]) => string): Function {
  return { least: 0, call: (args, budget) => budget.spend(print(args)) };
}

function escaping(escape: (text: string) => string): Function {
  return printing((args) => escape(sprint(args.map((arg) => arg ?? "<no value>"))));
}

/** Go's predefined functions without `call`. `and` and `or` are the evaluator's business. */
export const FUNCTIONS: ReadonlyMap<string, Function> = new Map<string, Function>([
  ["and", { least: 1, call: () => undefined }],
  ["or", { least: 1, call: () => undefined }],
  ["not", { least: 1, most: 1, call: ([arg]) => !isTrue(arg) }],
  ["len", { least: 1, most: 1, call: ([item]) => length(item) }],
  ["index", { least: 1, call: ([item, ...indexes]) => index(item, indexes) }],
  ["slice", { least: 1, call: ([item, ...indexes]) => slice(item, indexes) }],
  ["print", printing(sprint)],
  ["println", printing((args) => `${args.map((arg) => show(arg)).join(" ")}\n`)],
  // The parser has seen to it that the format is a constant.
  ["printf", { least: 1, call: ([format, ...args], budget) => budget.spend(sprintf(show(format), args)) }],
  ["html", escaping(escapeHtml)],
  ["js", escaping(escapeJs)],
  ["urlquery", escaping(escapeQuery)],
  ["eq", { least: 1, call: ([first, ...others]) => equalsAny(first, others) }],
  ["ne", comparison((a, b) => !equalsAny(a, [b]))],
  ["lt", comparison(isLess)],
  ["le", comparison((a, b) => isLess(a, b) || equalsAny(a, [b]))],
  ["gt", comparison((a, b) => !isLess(a, b) && !equalsAny(a, [b]))],
  ["ge", comparison((a, b) => !isLess(a, b))],
]);
