import type { Bytes } from "../bytes/utf8.ts";
import { firstRunes } from "../bytes/utf8.ts";
import { quote } from "../strconv/quote.ts";

/** Words with a meaning of their own inside an action. */
export const KEYWORDS = [
  "block",
  "break",
  "continue",
  "define",
  "else",
  "end",
  "if",
  "range",
  "nil",
  "template",
  "with",
] as const;

export type Keyword = (typeof KEYWORDS)[number];

export type TokenKind =
  | Keyword
  | "error"
  | "eof"
  | "text"
  | "left delimiter"
  | "right delimiter"
  | "space"
  | "bool"
  | "number"
  | "complex"
  | "character"
  | "string"
  | "raw string"
  | "identifier"
  | "field"
  | "variable"
  | "dot"
  | "assign"
  | "declare"
  | "pipe"
  | "left paren"
  | "right paren"
  /** A printable ASCII character that means nothing by itself, such as the comma. */
  | "punctuation";

export interface Token {
  readonly kind: TokenKind;
  /** The text of the token; of an error, the message. */
  readonly text: Bytes;
  /** Where it starts, in bytes. */
  readonly at: number;
  /** The line it starts on, from 1. */
  readonly line: number;
}

const ANGLED: ReadonlySet<TokenKind> = new Set<TokenKind>([...KEYWORDS, "dot"]);

/** A token as error messages show it. */
export function describe(token: Token): Bytes {
  if (token.kind === "eof") return "EOF";
  if (token.kind === "error") return token.text;
  if (ANGLED.has(token.kind)) return `<${token.text}>`;
  return token.text.length > 10 ? `${quote(firstRunes(token.text, 10))}...` : quote(token.text);
}
