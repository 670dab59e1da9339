import { isPrintable } from "../bytes/unicode.ts";
import { type Bytes, decodeRune } from "../bytes/utf8.ts";

const HTML = new Map([
  ["\0", "\u00ef\u00bf\u00bd"],
  ['"', "&#34;"],
  ["'", "&#39;"],
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
]);

/** html: text that can stand in HTML. NUL becomes U+FFFD. */
export function escapeHtml(text: Bytes): Bytes {
  return text.replaceAll(/[\0"'&<>]/g, (character) => HTML.get(character) ?? character);
}

const JS = new Map([
  ["\\", "\\\\"],
  ["'", "\\'"],
  ['"', '\\"'],
  ["<", "\\u003C"],
  [">", "\\u003E"],
  ["&", "\\u0026"],
  ["=", "\\u003D"],
]);

/** js: text that can stand in a JavaScript string. */
export function escapeJs(text: Bytes): Bytes {
  let out = "";
  for (let at = 0; at < text.length;) {
    const { rune, size } = decodeRune(text, at);
    const character = text.slice(at, at + size);
    const known = JS.get(character);
    if (known !== undefined) out += known;
    else if (rune < 0x20) out += `\\u00${hex(rune, 2)}`;
    else if (rune < 0x80 || isPrintable(rune)) out += character;
    else out += `\\u${hex(rune, 4)}`;
    at += size;
  }
  return out;
}

/** urlquery: text that can stand in the query of a URL. */
export function escapeQuery(text: Bytes): Bytes {
  return text.replaceAll(/[^A-Za-z0-9\-_.~]/g, (byte) => (byte === " " ? "+" : `%${hex(byte.charCodeAt(0), 2)}`));
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
