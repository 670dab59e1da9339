import { isNewerThanGo } from "./newer-characters.ts";
import { type Bytes, toText } from "./utf8.ts";

const LETTER = /^\p{L}$/u;
const DIGIT = /^\p{Nd}$/u;
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const WHITE_SPACE = /^[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/u;

/** May the character stand in an identifier? */
export function isAlphaNumeric(rune: number): boolean {
  if (rune < 0) return false;
  const character = String.fromCodePoint(rune);
  return character === "_" || ((LETTER.test(character) || DIGIT.test(character)) && !isNewerThanGo(rune));
}

/** Would Go print the character as it is, rather than escape it? */
export function isPrintable(rune: number): boolean {
  return rune >= 0 && rune <= 0x10ffff && PRINTABLE.test(String.fromCodePoint(rune)) && !isNewerThanGo(rune);
}

/** Nothing but white space in Unicode's sense? */
export function isBlank(bytes: Bytes): boolean {
  return WHITE_SPACE.test(toText(bytes));
}
