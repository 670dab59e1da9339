/**
 * Go's strings are bytes, and a template can cut one in the middle of a character. So every Go string is held as a
 * "byte string": a JavaScript string whose characters are all below 256, one for each byte. Comparison, slicing and
 * length then mean what they mean in Go. Only the border of the interpreter converts.
 */
export type Bytes = string;

/** What invalid input decodes to. */
export const RUNE_ERROR = 0xfffd;
export const MAX_RUNE = 0x10ffff;

/** A JavaScript string as UTF-8. An unpaired surrogate becomes U+FFFD, as in JSON that Go has read. */
export function fromText(text: string): Bytes {
  let bytes = "";
  for (const character of text) bytes += encodeRune(character.codePointAt(0) ?? RUNE_ERROR);
  return bytes;
}

/** UTF-8 as a JavaScript string; each invalid byte becomes one U+FFFD, as in a Go conversion. */
export function toText(bytes: Bytes): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const { rune, size } = decodeRune(bytes, at);
    text += String.fromCodePoint(rune);
    at += size;
  }
  return text;
}

/** A code point as UTF-8; what is no code point becomes U+FFFD. */
export function encodeRune(rune: number): Bytes {
  if (rune >= 0 && rune < 0x80) return String.fromCharCode(rune);
  if (rune < 0 || rune > MAX_RUNE || (rune >= 0xd800 && rune <= 0xdfff)) return encodeRune(RUNE_ERROR);
  if (rune < 0x800) return String.fromCharCode(0xc0 | (rune >> 6), tail(rune));
  if (rune < 0x10000) return String.fromCharCode(0xe0 | (rune >> 12), tail(rune >> 6), tail(rune));
  return String.fromCharCode(0xf0 | (rune >> 18), tail(rune >> 12), tail(rune >> 6), tail(rune));
}

function tail(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

/** The character at a position and how many bytes it takes. Invalid UTF-8 is U+FFFD of one byte. */
export function decodeRune(bytes: Bytes, at: number): { readonly rune: number; readonly size: number } {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return { rune: first, size: 1 };
  const size =
    first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (size === 0 || at + size > bytes.length) return { rune: RUNE_ERROR, size: 1 };
  let rune = first & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    const byte = bytes.charCodeAt(at + i);
    if ((byte & 0xc0) !== 0x80) return { rune: RUNE_ERROR, size: 1 };
    rune = (rune << 6) | (byte & 0x3f);
  }
  const smallest = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000;
  if (rune < smallest || rune > MAX_RUNE || (rune >= 0xd800 && rune <= 0xdfff)) return { rune: RUNE_ERROR, size: 1 };
  return { rune, size };
}

/** The character that ends at a position, for the lexer's step back. */
export function decodeLastRune(bytes: Bytes, end: number): { readonly rune: number; readonly size: number } {
  for (let size = Math.min(4, end); size > 1; size--) {
    const found = decodeRune(bytes, end - size);
    if (found.size === size) return found;
  }
  return decodeRune(bytes, end - 1);
}

/** How many characters; every invalid byte counts as one. */
export function runeCount(bytes: Bytes): number {
  let count = 0;
  for (let at = 0; at < bytes.length; count++) at += decodeRune(bytes, at).size;
  return count;
}

/** The first `count` characters. */
export function firstRunes(bytes: Bytes, count: number): Bytes {
  let at = 0;
  for (let seen = 0; seen < count && at < bytes.length; seen++) at += decodeRune(bytes, at).size;
  return bytes.slice(0, at);
}
