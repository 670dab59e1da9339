/*
 * Copies of objects that take little memory. With 10,000 volumes the controller keeps 50,000
 * objects. Two things made each of them a third larger than necessary:
 *
 * - An object made by `{ ...rest }` has spare room, or is a hash table inside. An object made by
 *   JSON.parse has the exact size. So the projection of an object is serialized and parsed again.
 * - JSON.parse makes a new string for each value, also for the 10,000th "ReadWriteOnce".
 */
import type { KubeObject } from "../objects.ts";

/**
 * The most strings in one generation. Strings that only one object has (UIDs) fill a generation
 * soon. Strings that occur again are kept in the next generation. So the pool stays small with any
 * number of objects.
 */
const GENERATION = 1_000;

/** Returns a function that makes compact copies of the objects of one collection. */
export function compactor(): <T extends KubeObject>(object: T) => T {
  let young = new Map<string, string>();
  let old = new Map<string, string>();
  const shared = (text: string): string => {
    const known = young.get(text);
    if (known !== undefined) return known;
    const one = old.get(text) ?? text;
    if (young.size === GENERATION) {
      old = young;
      young = new Map();
    }
    young.set(one, one);
    return one;
  };
  return (object) => share(JSON.parse(JSON.stringify(object)) as typeof object, shared);
}

/** Replaces the strings in a value. No other code may have a reference to the value. */
function share<T extends object>(value: T, shared: (text: string) => string): T {
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const field = fields[key];
    if (typeof field === "string") fields[key] = shared(field);
    else if (typeof field === "object" && field !== null) share(field, shared);
  }
  return value;
}
