import { wellFormed } from "../go/well-formed.ts";

/**
 * JSON as Go's encoding/json reads it: duplicate keys are kept in order (the decoder lets the last win), numbers keep their spelling (1e3 is no int there), and
 * a syntax error has Go's words, because it ends up in the same log line as with the original.
 */
export type GoJson =
  | { readonly kind: "null" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly GoJson[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [string, GoJson])[] };

/** A text that is not JSON, in Go's words. */
export class GoJsonError extends Error {
  override readonly name = "GoJsonError";
}

/** Reads a whole text: nothing but white space may follow the value (json.Unmarshal). */
export function parseWhole(text: string): GoJson {
  const reader = new Reader(text, "unexpected end of JSON input");
  const value = reader.value();
  reader.end();
  return value;
}

/** Reads the first value and ignores what follows it (json.Decoder). */
export function parseFirst(text: string): GoJson {
  const reader = new Reader(text, "unexpected EOF");
  if (reader.blank()) throw new GoJsonError("EOF");
  return reader.value();
}

/** Against a text made to exhaust the stack. (Go stops at 10,000; a configuration has five levels.) */
const MAX_DEPTH = 1000;
const ESCAPES = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
const LITERALS = new Map<string, GoJson>([
  ["true", { kind: "bool", value: true }],
  ["false", { kind: "bool", value: false }],
  ["null", { kind: "null" }],
]);

class Reader {
  readonly #text: string;
  readonly #atEnd: string;
  #at = 0;
  #depth = 0;

  constructor(text: string, atEnd: string) {
    this.#text = text;
    this.#atEnd = atEnd;
  }

  blank(): boolean {
    this.#skip();
    return this.#at >= this.#text.length;
  }

  end(): void {
    if (!this.blank()) throw this.#unexpected("after top-level value");
  }

  value(context = "looking for beginning of value"): GoJson {
    this.#skip();
    const char = this.#text[this.#at];
    if (char === "{") return this.#nested(() => this.#object());
    if (char === "[") return this.#nested(() => this.#array());
    if (char === '"') return { kind: "string", value: this.#string() };
    if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) return this.#number();
    for (const [word, value] of LITERALS) if (char === word[0]) return this.#literal(word, value);
    throw this.#unexpected(context);
  }

  #nested(read: () => GoJson): GoJson {
    if (++this.#depth > MAX_DEPTH) throw new GoJsonError("exceeded max depth");
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): GoJson {
    const members: [string, GoJson][] = [];
    if (this.#take("}")) return { kind: "object", members };
    for (;;) {
      this.#skip();
      if (this.#text[this.#at] !== '"') throw this.#unexpected("looking for beginning of object key string");
      const key = this.#string();
      if (!this.#take(":")) throw this.#unexpected("after object key");
      members.push([key, this.value()]);
      if (this.#take("}")) return { kind: "object", members };
      if (!this.#take(",")) throw this.#unexpected("after object key:value pair");
    }
  }

  #array(): GoJson {
    const items: GoJson[] = [];
    if (this.#take("]")) return { kind: "array", items };
    for (;;) {
      items.push(this.value());
      if (this.#take("]")) return { kind: "array", items };
      if (!this.#take(",")) throw this.#unexpected("after array element");
    }
  }

  #string(): string {
    let out = "";
    for (this.#at++; ; this.#at++) {
      const char = this.#text[this.#at];
      if (char === undefined) throw new GoJsonError(this.#atEnd);
      if (char === '"') break;
      if (char < " ") throw this.#unexpected("in string literal");
      out += char === "\\" ? this.#escape() : char;
    }
    this.#at++;
    // Half a surrogate pair becomes U+FFFD, as in Go.
    return wellFormed(out);
  }

  #escape(): string {
    const char = this.#text[++this.#at];
    if (char === "u") {
      let hex = "";
      for (let digit = 0; digit < 4; digit++) {
        const next = this.#text[++this.#at];
        if (next === undefined || !/[0-9a-fA-F]/.test(next)) {
          throw this.#unexpected("in \\u hexadecimal character escape", true);
        }
        hex += next;
      }
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const plain = char === undefined ? undefined : ESCAPES.get(char);
    if (plain === undefined) throw this.#unexpected("in string escape code", true);
    return plain;
  }

  #number(): GoJson {
    const start = this.#at;
    if (this.#text[this.#at] === "-") this.#at++;
    if (this.#text[this.#at] === "0") this.#at++;
    else this.#digits("in numeric literal");
    if (this.#text[this.#at] === ".") {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (this.#text[this.#at] === "e" || this.#text[this.#at] === "E") {
      this.#at++;
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at++;
      this.#digits("in exponent of numeric literal");
    }
    return { kind: "number", text: this.#text.slice(start, this.#at) };
  }

  #digits(context: string): void {
    const start = this.#at;
    while (/^[0-9]$/.test(this.#text[this.#at] ?? "")) this.#at++;
    if (this.#at === start) throw this.#unexpected(context, true);
  }

  #literal(word: string, value: GoJson): GoJson {
    for (const expected of word) {
      if (this.#text[this.#at] !== expected) {
        throw this.#unexpected(`in literal ${word} (expecting '${expected}')`, true);
      }
      this.#at++;
    }
    return value;
  }

  #take(char: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #skip(): void {
    while (/^[ \t\r\n]$/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  /** Go ends a text by feeding its scanner a space: `inToken` errors then speak of that space, except through a Decoder, which knows the end of its file. */
  #unexpected(context: string, inToken = false): GoJsonError {
    const char = this.#text[this.#at];
    if (char === undefined && (!inToken || this.#atEnd === "unexpected EOF")) return new GoJsonError(this.#atEnd);
    return new GoJsonError(`invalid character ${quoted(char ?? " ")} ${context}`);
  }
}

/** One byte of the text as a Go character literal: Go looks at the first byte of a multi-byte character and prints it as if it were Latin-1. */
function quoted(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return "'\"'";
  const code = char.charCodeAt(0);
  const byte = code < 0x80 ? code : firstByte(code);
  const latin = String.fromCharCode(byte);
  if (byte >= 0x80) return byte < 0xa1 || byte === 0xad ? `'\\u${byte.toString(16).padStart(4, "0")}'` : `'${latin}'`;
  return `'${GO_SHORT.get(latin) ?? (byte < 0x20 || byte === 0x7f ? `\\x${byte.toString(16).padStart(2, "0")}` : latin)}'`;
}

const GO_SHORT = new Map([
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
]);

function firstByte(code: number): number {
  if (code < 0x800) return 0xc0 | (code >> 6);
  if (code >= 0xd800 && code < 0xdc00) return 0xf0 | ((0x10000 + ((code - 0xd800) << 10)) >> 18);
  return 0xe0 | (code >> 12);
}
