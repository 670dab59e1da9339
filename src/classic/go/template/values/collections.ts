import { UnsupportedError, ValueError } from "../error.ts";
import { isList, isTexts, numberIn, typeName, type Value } from "./values.ts";

/** index: x[1][2]. A map has the empty text for keys it does not hold. */
export function index(item: Value, indexes: readonly Value[]): Value {
  if (item === undefined) throw new ValueError("index of untyped nil");
  return indexes.reduce(indexOnce, item);
}

function indexOnce(item: Value, wanted: Value): Value {
  if (isTexts(item)) {
    if (typeof wanted === "string") return item.get(wanted) ?? "";
    if (wanted === undefined) throw new ValueError("value is nil; should be of type string");
    throw new ValueError(`value has type ${typeName(wanted)}; should be string`);
  }
  if (typeof item === "string") throw new UnsupportedError("index of a string (a byte of it)");
  if (!isList(item)) throw new ValueError(`can't index item of type ${typeName(item)}`);
  const found = item[position(wanted, item.length)];
  if (found === undefined) throw new ValueError("reflect: slice index out of range");
  return found;
}

function position(wanted: Value, limit: number): number {
  if (wanted === undefined) throw new ValueError("cannot index slice/array with nil");
  const at = numberIn(wanted);
  if (at === undefined) throw new ValueError(`cannot index slice/array with type ${typeName(wanted)}`);
  if (at < 0 || at > limit) throw new ValueError(`index out of range: ${at}`);
  return at;
}

/** slice: x[1:2]. Of a text it cuts bytes, but never a character in two. */
export function slice(item: Value, indexes: readonly Value[]): Value {
  if (item === undefined) throw new ValueError("slice of untyped nil");
  if (indexes.length > 2) throw new UnsupportedError("slice with more than two indexes");
  if (!isList(item) && typeof item !== "string") throw new ValueError(`can't slice item of type ${typeName(item)}`);
  if (isList(item) && indexes.some((wanted) => (numberIn(wanted) ?? 0) > item.length)) {
    // Go looks at what lies in memory behind the list.
    throw new UnsupportedError("slice of a list beyond its end");
  }
  const whole = typeof item === "string" ? Buffer.from(item) : item;
  const [from = 0, to = whole.length] = indexes.map((wanted) => position(wanted, whole.length));
  if (from > to) throw new ValueError(`invalid slice index: ${from} > ${to}`);
  if (!Buffer.isBuffer(whole)) return whole.slice(from, to);
  const cut = whole.subarray(from, to);
  const text = cut.toString();
  if (Buffer.compare(Buffer.from(text), cut) !== 0)
    throw new UnsupportedError("slice through a character that is not ASCII");
  return text;
}

/** len, of a text in bytes */
export function length(item: Value): number {
  if (typeof item === "string") return Buffer.byteLength(item);
  if (isList(item)) return item.length;
  if (isTexts(item)) return item.size;
  throw new ValueError(item === undefined ? "len of nil" : `len of type ${typeName(item)}`);
}
