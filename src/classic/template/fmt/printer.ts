import { type Bytes, encodeRune } from "../bytes/utf8.ts";
import { GoError } from "../error.ts";
import type { Budget } from "../limits.ts";
import { findMethod, UINT8 } from "../values/types.ts";
import {
  bytesOf,
  detached,
  type GoValue,
  itemsOf,
  type MapValue,
  type Maybe,
  type SliceValue,
  string,
  type StructValue,
} from "../values/values.ts";
import { entry, isExported, sortedKeys } from "../values/reflection.ts";
import {
  type Base,
  formatCharacter,
  formatFloating,
  formatHex,
  formatInteger,
  formatQuoted,
  formatQuotedCharacter,
  formatString,
  formatUnicode,
  pad,
} from "./basic.ts";
import { type Flags, noFlags } from "./flags.ts";

const BASES: ReadonlyMap<string, Base> = new Map<string, Base>([
  ["v", 10],
  ["d", 10],
  ["b", 2],
  ["o", 8],
  ["O", 8],
  ["x", 16],
  ["X", 16],
]);

const FLOAT_VERBS = ["b", "g", "G", "x", "X", "f", "F", "e", "E", "v"] as const;
const PRINTS_METHOD = ["v", "s", "x", "X", "q"];

/**
 * Go's fmt for one call: takes arguments with their verbs and collects the text. Values are printed as Go prints them,
 * except that nothing here has an address: what would print one is an error.
 */
export class Printer {
  flags: Flags = noFlags();
  #out = "";
  readonly #budget: Budget;
  /** While %!verb(…) is printed, String methods are not called. */
  #explaining = false;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  get text(): Bytes {
    return this.#out;
  }

  write(text: Bytes): void {
    this.#budget.bytes(text.length);
    this.#out += text;
  }

  /** An argument of print or printf; undefined is nil. */
  argument(value: Maybe<GoValue>, verb: string): void {
    const given = value?.kind === "interface" ? (value.inner ?? undefined) : value;
    if (given === undefined) {
      if (verb === "T" || verb === "v") this.write(pad("<nil>", this.flags));
      else this.#badVerb(undefined, verb);
    } else if (verb === "T") this.write(formatString(given.type.name, this.flags));
    else if (verb === "p") this.#pointer(given, "p");
    else this.#value(detached(given), verb, 0, true);
  }

  /** `reachable`: not in an unexported field, whose methods Go does not call. */
  #value(value: GoValue, verb: string, depth: number, reachable: boolean): void {
    this.#budget.step();
    if (reachable && this.#byMethod(value, verb, depth)) return;
    switch (value.kind) {
      case "bool":
        if (verb === "t" || verb === "v") this.write(pad(String(value.value), this.flags));
        else this.#badVerb(value, verb);
        return;
      case "int":
      case "uint":
        this.#integer(value, verb);
        return;
      case "float":
        if (isFloatVerb(verb)) this.#float(value.value, verb);
        else this.#badVerb(value, verb);
        return;
      case "complex":
        this.#complex(value, verb);
        return;
      case "string":
        this.#string(value.value, verb, value);
        return;
      case "map":
        this.#map(value, verb, depth, reachable);
        return;
      case "struct":
        this.#struct(value, verb, depth, reachable);
        return;
      case "slice":
        this.#slice(value, verb, depth, reachable);
        return;
      case "pointer":
        if (depth === 0 && value.target !== null && ["slice", "struct", "map"].includes(value.target.kind)) {
          this.write("&");
          this.#value(value.target, verb, depth + 1, reachable);
        } else this.#pointer(value, verb);
        return;
      case "interface":
        if (value.inner === null) this.write(this.flags.sharpV ? `${value.type.name}(nil)` : "<nil>");
        else this.#value(value.inner, verb, depth + 1, reachable);
        return;
      default:
        value satisfies never;
    }
  }

  /** String, or for %#v GoString, where the type has it. A nil pointer whose method does not expect nil is <nil>. */
  #byMethod(value: GoValue, verb: string, depth: number): boolean {
    if (this.#explaining) return false;
    // %w wraps errors, and only in functions that make errors. A []byte given as argument is shown byte by byte.
    if (verb === "w" && !(depth === 0 && value.type === UINT8.slice)) {
      this.#badVerb(value, verb);
      return true;
    }
    const name = this.flags.sharpV ? "GoString" : "String";
    if (!this.flags.sharpV && !PRINTS_METHOD.includes(verb)) return false;
    const method = findMethod(detached(value), name);
    if (method === undefined) return false;
    const shown = this.#callQuietly(() => method.call(value, []), value);
    if (shown?.kind !== "string") this.write("<nil>");
    else if (this.flags.sharpV) this.write(formatString(shown.value, this.flags));
    else this.#string(shown.value, verb, shown);
    return true;
  }

  #callQuietly(call: () => Maybe<GoValue>, value: GoValue): Maybe<GoValue> {
    try {
      return call();
    } catch (error) {
      if (error instanceof GoError && value.kind === "pointer" && value.target === null) return undefined;
      throw error;
    }
  }

  #integer(value: GoValue & { readonly kind: "int" | "uint" }, verb: string): void {
    const number = value.value;
    const base = BASES.get(verb);
    if (verb === "v" && this.flags.sharpV && value.kind === "uint") {
      this.write(formatInteger(number, { base: 16 }, { ...this.flags, sharp: true }));
    } else if (base !== undefined) {
      this.write(formatInteger(number, { base, upper: verb === "X", octalPrefix: verb === "O" }, this.flags));
    } else if (verb === "c") this.write(formatCharacter(number, this.flags));
    else if (verb === "q") this.write(formatQuotedCharacter(number, this.flags));
    else if (verb === "U") this.write(formatUnicode(number, this.flags));
    else this.#badVerb(value, verb);
  }

  #float(value: number, verb: (typeof FLOAT_VERBS)[number]): void {
    const precision = ["f", "F", "e", "E"].includes(verb) ? 6 : -1;
    this.write(formatFloating(value, verb === "F" ? "f" : verb, precision, this.flags));
  }

  #complex(value: GoValue & { readonly kind: "complex" }, verb: string): void {
    if (!isFloatVerb(verb)) {
      this.#badVerb(value, verb);
      return;
    }
    const { plus } = this.flags;
    this.write("(");
    this.#float(value.re, verb);
    this.flags.plus = true;
    this.#float(value.im, verb);
    this.write("i)");
    this.flags.plus = plus;
  }

  #string(text: Bytes, verb: string, value: GoValue): void {
    if (verb === "s" || (verb === "v" && !this.flags.sharpV)) this.write(formatString(text, this.flags));
    else if (verb === "q" || verb === "v") this.write(formatQuoted(text, this.flags));
    else if (verb === "x" || verb === "X") this.write(formatHex(text, verb === "X", this.flags));
    else this.#badVerb(value, verb);
  }

  #map(value: MapValue, verb: string, depth: number, reachable: boolean): void {
    const { sharpV } = this.flags;
    if (sharpV && value.entries === null) {
      this.write(`${value.type.name}(nil)`);
      return;
    }
    this.write(sharpV ? `${value.type.name}{` : "map[");
    for (const [index, key] of sortedKeys(value).entries()) {
      if (index > 0) this.write(sharpV ? ", " : " ");
      this.#value(string(key), verb, depth + 1, reachable);
      this.write(":");
      this.#value(entry(value, key) ?? string(""), verb, depth + 1, reachable);
    }
    this.write(sharpV ? "}" : "]");
  }

  #struct(value: StructValue, verb: string, depth: number, reachable: boolean): void {
    const { sharpV, plusV } = this.flags;
    this.write(sharpV ? `${value.type.name}{` : "{");
    for (const [index, field] of value.type.fields.entries()) {
      if (index > 0) this.write(sharpV ? ", " : " ");
      if (sharpV || plusV) this.write(`${field.name}:`);
      const held = value.fields[index];
      if (held !== undefined) this.#value(detached(held), verb, depth + 1, reachable && isExported(field.name));
    }
    this.write("}");
  }

  #slice(value: SliceValue, verb: string, depth: number, reachable: boolean): void {
    const ofBytes = value.type.element === UINT8;
    if (ofBytes && ["s", "q", "x", "X"].includes(verb)) {
      this.#string(bytesOf(value), verb, value);
      return;
    }
    const { sharpV } = this.flags;
    const name = ofBytes && depth === 0 && verb !== "w" ? "[]byte" : value.type.name;
    if (sharpV && value.array === null) {
      this.write(`${name}(nil)`);
      return;
    }
    this.write(sharpV ? `${name}{` : "[");
    for (const [index, item] of itemsOf(value).entries()) {
      if (index > 0) this.write(sharpV ? ", " : " ");
      this.#value(detached(item), verb, depth + 1, reachable);
    }
    this.write(sharpV ? "}" : "]");
  }

  /** A pointer prints as its address; only that of nil is known. */
  #pointer(value: GoValue, verb: string): void {
    const nil =
      value.kind === "pointer"
        ? value.target === null
        : value.kind === "slice"
          ? value.array === null
          : value.kind === "map"
            ? value.entries === null
            : undefined;
    const isPointerVerb = ["v", "p", "b", "o", "d", "x", "X"].includes(verb);
    if (nil === undefined || !isPointerVerb) this.#badVerb(value, verb);
    else if (!nil)
      throw new GoError(`a value of type ${value.type.name} prints as a memory address, which differs from run to run`);
    else if (verb === "v") this.write(this.flags.sharpV ? `(${value.type.name})(nil)` : pad("<nil>", this.flags));
    else if (verb === "p") this.write(formatInteger(0n, { base: 16 }, { ...this.flags, sharp: !this.flags.sharp }));
    else this.write(formatInteger(0n, { base: BASES.get(verb) ?? 10, upper: verb === "X" }, this.flags));
  }

  /** %!d(string=x) */
  #badVerb(value: Maybe<GoValue>, verb: string): void {
    this.#explaining = true;
    this.write(`%!${verb}(`);
    if (value === undefined) this.write("<nil>");
    else {
      this.write(`${value.type.name}=`);
      this.#value(value, "v", 0, false);
    }
    this.write(")");
    this.#explaining = false;
  }
}

function isFloatVerb(verb: string): verb is (typeof FLOAT_VERBS)[number] {
  return FLOAT_VERBS.some((known) => known === verb);
}

/** A verb's character as the printer knows it. */
export function verbOf(rune: number): string {
  return encodeRune(rune);
}
