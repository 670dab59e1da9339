import type { Bytes } from "../bytes/utf8.ts";
import { GoError } from "../error.ts";
import { entry, sortedKeys } from "../values/reflection.ts";
import { type GoValue, int, itemsOf as elementsOf, type Maybe, string } from "../values/values.ts";

/** One round of a range. */
export interface Item {
  readonly index: Maybe<GoValue>;
  readonly element: Maybe<GoValue>;
}

/**
 * What a range goes through: the elements of a slice, the entries of a map by key, or the numbers below a number. A
 * missing value is empty. `show` renders the value for the complaint about others.
 */
export function itemsOf(value: Maybe<GoValue>, variables: number, show: (format: Bytes) => Bytes): Iterable<Item> {
  if (value === undefined) return [];
  if (value.kind === "slice") return elementsOf(value).map((element, index) => ({ index: int(index), element }));
  if (value.kind === "map") return sortedKeys(value).map((key) => ({ index: string(key), element: entry(value, key) }));
  if (value.kind !== "int" && value.kind !== "uint") throw new GoError(show("range can't iterate over %v"));
  if (variables > 1) throw new GoError(show("can't use %v to iterate over more than one variable"));
  return numbersBelow(value);
}

function* numbersBelow(limit: GoValue & { readonly kind: "int" | "uint" }): Generator<Item> {
  for (let number = 0n; number < limit.value; number++) {
    yield { index: undefined, element: { ...limit, value: number, addressable: false } };
  }
}
