import type { Bytes } from "../bytes/utf8.ts";
import { GoError } from "../error.ts";
import { sprint, sprintf, sprintln } from "../fmt/print.ts";
import type { Budget } from "../limits.ts";
import { concrete, isTrue, printable } from "../values/reflection.ts";
import { ANY, type GoType, REFLECT_VALUE, STRING } from "../values/types.ts";
import { bool, detached, type GoValue, int, type Maybe, string } from "../values/values.ts";
import { index, length, slice } from "./collections.ts";
import { equalsAny, isLess } from "./compare.ts";
import { escapeHtml, escapeJs, escapeQuery } from "./escape.ts";

export interface Predefined {
  readonly params: readonly GoType[];
  /** The type of any number of further arguments. */
  readonly more?: GoType;
  readonly call: (args: readonly Maybe<GoValue>[], budget: Budget) => Maybe<GoValue>;
}

const V = REFLECT_VALUE;

function comparison(holds: (a: Maybe<GoValue>, b: Maybe<GoValue>, budget: Budget) => boolean): Predefined {
  return { params: [V, V], call: ([a, b], budget) => bool(holds(a, b, budget)) };
}

function printing(print: (args: readonly Maybe<GoValue>[], budget: Budget) => Bytes): Predefined {
  return { params: [], more: ANY, call: (args, budget) => string(print(args, budget)) };
}

function escaping(escape: (text: Bytes) => Bytes): Predefined {
  return printing((args, budget) => {
    const [only] = args;
    if (args.length === 1 && only?.kind === "string" && only.type === STRING) return spend(escape(only.value), budget);
    return spend(escape(sprint(args.map(printable), budget)), budget);
  });
}

function spend(text: Bytes, budget: Budget): Bytes {
  budget.bytes(text.length);
  return text;
}

/** `and`, `or` and `call` are here for their parameters: how they evaluate their arguments is the evaluator's business. */
export const PREDEFINED: ReadonlyMap<Bytes, Predefined> = new Map<Bytes, Predefined>([
  ["and", { params: [V], more: V, call: () => undefined }],
  ["or", { params: [V], more: V, call: () => undefined }],
  ["call", { params: [V], more: V, call: () => undefined }],
  ["not", { params: [V], call: ([arg]) => bool(!isTrue(concrete(arg))) }],
  ["len", { params: [V], call: ([item]) => int(length(item)) }],
  ["index", { params: [V], more: V, call: ([item, ...indexes]) => index(item, indexes) }],
  ["slice", { params: [V], more: V, call: ([item, ...indexes]) => slice(item, indexes) }],
  ["print", printing(sprint)],
  ["println", printing(sprintln)],
  [
    "printf",
    {
      params: [STRING],
      more: ANY,
      call: ([format, ...args], budget) => string(sprintf(format?.kind === "string" ? format.value : "", args, budget)),
    },
  ],
  ["html", escaping(escapeHtml)],
  ["js", escaping(escapeJs)],
  ["urlquery", escaping(escapeQuery)],
  ["eq", { params: [V], more: V, call: ([first, ...others], budget) => bool(equalsAny(first, others, budget)) }],
  ["ne", comparison((a, b, budget) => !equalsAny(a, [b], budget))],
  ["lt", comparison(isLess)],
  ["le", comparison((a, b, budget) => isLess(a, b, budget) || equalsAny(a, [b], budget))],
  ["gt", comparison((a, b, budget) => !(isLess(a, b, budget) || equalsAny(a, [b], budget)))],
  ["ge", comparison((a, b, budget) => !isLess(a, b, budget))],
]);

/** call: a claim holds no functions, so there is nothing it could call. */
export function failToCall(name: Bytes, fn: Maybe<GoValue>): never {
  const value = concrete(fn);
  throw new GoError(value === undefined ? "call of nil" : `non-function ${name} of type ${value.type.name}`);
}

/** What a parameter of type interface {} receives: the value inside, as a copy. */
export function asAny(value: Maybe<GoValue>): Maybe<GoValue> {
  const inner = concrete(value);
  return inner === undefined ? undefined : detached(inner);
}
