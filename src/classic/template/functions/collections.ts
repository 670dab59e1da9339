import { GoError } from "../error.ts";
import { concrete, entry, indirect } from "../values/reflection.ts";
import { STRING, UINT8 } from "../values/types.ts";
import { type GoValue, type Maybe, string, uint } from "../values/values.ts";

/** What Go says when a function asks no value for its type. */
const NO_TYPE = "reflect: call of reflect.Value.Type on zero Value";

/** index: x[1][2][3] for maps, slices and strings. A map has the empty string for keys it does not hold. */
export function index(item: Maybe<GoValue>, indexes: readonly Maybe<GoValue>[]): GoValue {
  let at = concrete(item);
  if (at === undefined) throw new GoError("index of untyped nil");
  for (const wanted of indexes) at = indexOnce(at, concrete(wanted));
  return at;
}

function indexOnce(item: GoValue, wanted: Maybe<GoValue>): GoValue {
  const { value, isNil } = indirect(item);
  if (isNil) throw new GoError("index of nil pointer");
  if (value.kind === "map") return entry(value, key(wanted)) ?? string("");
  if (value.kind !== "slice" && value.kind !== "string")
    throw new GoError(`can't index item of type ${value.type.name}`);
  const length = value.kind === "slice" ? value.length : value.value.length;
  const position = indexNumber(wanted, length);
  // Go's check lets the position behind the end pass, and then the runtime stops it.
  const found = position < length ? elementAt(value, position) : undefined;
  if (found !== undefined) return found;
  throw new GoError(`reflect: ${value.kind} index out of range`);
}

function elementAt(value: GoValue & { readonly kind: "slice" | "string" }, position: number): Maybe<GoValue> {
  return value.kind === "slice" ? value.array?.[position] : uint(value.value.charCodeAt(position), UINT8);
}

function key(wanted: Maybe<GoValue>): string {
  if (wanted === undefined) throw new GoError("value is nil; should be of type string");
  if (wanted.kind === "string" && wanted.type === STRING) return wanted.value;
  throw new GoError(`value has type ${wanted.type.name}; should be string`);
}

function indexNumber(wanted: Maybe<GoValue>, limit: number): number {
  if (wanted === undefined) throw new GoError("cannot index slice/array with nil");
  if (wanted.kind !== "int" && wanted.kind !== "uint") {
    throw new GoError(`cannot index slice/array with type ${wanted.type.name}`);
  }
  if (wanted.value < 0n || wanted.value > BigInt(limit)) throw new GoError(`index out of range: ${wanted.value}`);
  return Number(wanted.value);
}

/** slice: x[1:2], or x[1:2:3] for what is not a string. */
export function slice(item: Maybe<GoValue>, indexes: readonly Maybe<GoValue>[]): GoValue {
  const given = concrete(item);
  if (given === undefined) throw new GoError("slice of untyped nil");
  const { value, isNil } = indirect(given);
  if (isNil) throw new GoError("slice of nil pointer");
  if (indexes.length > 3) throw new GoError(`too many slice indexes: ${indexes.length}`);
  if (value.kind === "string" && indexes.length === 3) throw new GoError("cannot 3-index slice a string");
  if (value.kind !== "string" && value.kind !== "slice")
    throw new GoError(`can't slice item of type ${value.type.name}`);
  const length = value.kind === "string" ? value.value.length : value.length;
  const capacity = value.kind === "string" ? length : (value.array?.length ?? 0);
  const [from = 0, to = length, limit = capacity] = indexes.map((wanted) => indexNumber(wanted, capacity));
  if (from > to) throw new GoError(`invalid slice index: ${from} > ${to}`);
  if (to > limit) throw new GoError(`invalid slice index: ${to} > ${limit}`);
  if (value.kind === "string") return { ...value, value: value.value.slice(from, to), addressable: false };
  return { ...value, array: value.array?.slice(from, limit) ?? null, length: to - from, addressable: false };
}

/** len */
export function length(item: Maybe<GoValue>): number {
  if (item === undefined) throw new GoError(NO_TYPE);
  const { value, isNil } = indirect(item);
  if (isNil) throw new GoError("len of nil pointer");
  if (value.kind === "string") return value.value.length;
  if (value.kind === "slice") return value.length;
  if (value.kind === "map") return value.entries?.size ?? 0;
  throw new GoError(`len of type ${value.type.name}`);
}
