import { type Bytes, decodeRune, encodeRune, MAX_RUNE } from "../bytes/utf8.ts";

const SIMPLE = new Map([
  ["a", 7],
  ["b", 8],
  ["f", 12],
  ["n", 10],
  ["r", 13],
  ["t", 9],
  ["v", 11],
  ["\\", 92],
]);

const HEX_DIGITS = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);

interface Character {
  /** The code point, or for \x and octal escapes the byte. */
  readonly value: number;
  readonly isByte: boolean;
  readonly rest: Bytes;
}

/** The value of a Go string literal with its quotes, or undefined where the literal is malformed. */
export function unquote(literal: Bytes): Bytes | undefined {
  const mark = literal.charAt(0);
  if (literal.length < 2 || literal.at(-1) !== mark) return undefined;
  const inner = literal.slice(1, -1);
  if (mark === "`") return inner.includes("`") ? undefined : inner.replaceAll("\r", "");
  if (inner.includes("\n")) return undefined;
  let out = "";
  for (let rest = inner; rest !== "";) {
    const next = unquoteCharacter(rest, mark);
    if (next === undefined) return undefined;
    out += next.isByte ? String.fromCharCode(next.value) : encodeRune(next.value);
    rest = next.rest;
  }
  return out;
}

/** The first character of the inside of a literal, escapes resolved; undefined where it is malformed. */
export function unquoteCharacter(source: Bytes, mark: string): Character | undefined {
  const first = source.charAt(0);
  if (first === "" || first === mark) return undefined;
  if (first !== "\\") {
    const { rune, size } = decodeRune(source, 0);
    return { value: rune, isByte: false, rest: source.slice(size) };
  }
  const letter = source.charAt(1);
  const simple = SIMPLE.get(letter);
  if (simple !== undefined) return { value: simple, isByte: false, rest: source.slice(2) };
  if (letter === "'" || letter === '"') {
    return letter === mark ? { value: letter.charCodeAt(0), isByte: false, rest: source.slice(2) } : undefined;
  }
  const hexDigits = HEX_DIGITS.get(letter);
  if (hexDigits !== undefined) return hexEscape(source, letter, hexDigits);
  const octal = /^[0-7]{3}/.exec(source.slice(1))?.[0];
  if (octal === undefined || Number.parseInt(octal, 8) > 255) return undefined;
  return { value: Number.parseInt(octal, 8), isByte: true, rest: source.slice(4) };
}

function hexEscape(source: Bytes, letter: string, count: number): Character | undefined {
  const digits = source.slice(2, 2 + count);
  if (digits.length < count || !/^[0-9a-fA-F]+$/.test(digits)) return undefined;
  const value = Number.parseInt(digits, 16);
  const rest = source.slice(2 + count);
  if (letter === "x") return { value, isByte: true, rest };
  if (value > MAX_RUNE || (value >= 0xd800 && value <= 0xdfff)) return undefined;
  return { value, isByte: false, rest };
}
