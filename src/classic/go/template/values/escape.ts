import { asciiOnly } from "./values.ts";

const HTML = new Map([
  ["\0", "\ufffd"],
  ['"', "&#34;"],
  ["'", "&#39;"],
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
]);

/** html: text that can stand in HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (char) => HTML.get(char) ?? char);
}

/** js: text that can stand in a JavaScript string. */
export function escapeJs(text: string): string {
  return asciiOnly(text, "js").replace(/(?!\x7f)[\p{Cc}\\'"<>&=]/gu, (char) => {
    return "\\'\"".includes(char) ? `\\${char}` : `\\u00${hex(char.charCodeAt(0))}`;
  });
}

/** urlquery: text that can stand in the query of a URL. */
export function escapeQuery(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return char === " " ? "+" : /[\w\-.~]/.test(char) ? char : `%${hex(byte)}`;
    })
    .join("");
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(2, "0");
}
