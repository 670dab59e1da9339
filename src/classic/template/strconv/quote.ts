import { isPrintable } from "../bytes/unicode.ts";
import { type Bytes, decodeRune, encodeRune, MAX_RUNE, RUNE_ERROR } from "../bytes/utf8.ts";

const SHORT = new Map([
  [7, "\\a"],
  [8, "\\b"],
  [12, "\\f"],
  [10, "\\n"],
  [13, "\\r"],
  [9, "\\t"],
  [11, "\\v"],
]);

/** A string as a Go literal in double quotes: what %q prints. */
export function quote(bytes: Bytes, asciiOnly = false): Bytes {
  let out = '"';
  for (let at = 0; at < bytes.length;) {
    const { rune, size } = decodeRune(bytes, at);
    if (size === 1 && rune === RUNE_ERROR) out += `\\x${hex(bytes.charCodeAt(at), 2)}`;
    else out += escape(rune, '"', asciiOnly);
    at += size;
  }
  return `${out}"`;
}

/** A character as a Go literal in single quotes. */
export function quoteRune(rune: number, asciiOnly = false): Bytes {
  const valid = rune >= 0 && rune <= MAX_RUNE && !(rune >= 0xd800 && rune <= 0xdfff);
  return `'${escape(valid ? rune : RUNE_ERROR, "'", asciiOnly)}'`;
}

/** Could the string stand unchanged between back quotes on one line? */
export function canBackquote(bytes: Bytes): boolean {
  for (let at = 0; at < bytes.length;) {
    const { rune, size } = decodeRune(bytes, at);
    at += size;
    if (size > 1) {
      if (rune === 0xfeff) return false;
      continue;
    }
    if (rune === RUNE_ERROR || (rune < 32 && rune !== 9) || rune === 0x60 || rune === 0x7f) return false;
  }
  return true;
}

function escape(rune: number, quoteMark: string, asciiOnly: boolean): Bytes {
  const character = encodeRune(rune);
  if (character === quoteMark || character === "\\") return `\\${character}`;
  if (asciiOnly ? rune < 0x80 && isPrintable(rune) : isPrintable(rune)) return character;
  const short = SHORT.get(rune);
  if (short !== undefined) return short;
  if (rune < 32 || rune === 0x7f) return `\\x${hex(rune, 2)}`;
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
