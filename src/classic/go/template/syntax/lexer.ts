import type { Source } from "./source.ts";

const KEYWORDS = ["block", "break", "continue", "define", "else", "end", "if", "range", "nil", "template", "with"];

/** A keyword is a token of its own name; so are the marks `( ) | , = :=` and the dot. */
export interface Token {
  readonly kind: string;
  readonly at: number;
  readonly text: string;
}

const TOKEN = new RegExp(
  [
    /(?<space>[ \t\r\n]+)/,
    /(?<string>"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`)/,
    /(?<number>[+-]?\.?[0-9][-\w.+]*)/,
    /(?<field>\.[\p{L}_][\p{L}\p{Nd}_]*)/u,
    /(?<variable>\$[\p{L}\p{Nd}_]*)/u,
    /(?<word>[\p{L}_][\p{L}\p{Nd}_]*)/u,
    /(?<mark>:=|[=|(),.])/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "uy",
);
const RIGHT = /(?:[ \t\r\n]+-|[ \t\r\n]*)\}\}/y;
const COMMENT_END = /\*\/(?:[ \t\r\n]-)?\}\}/y;
/** What may stand behind a name. $x+2 would be three words, and look like arithmetic. */
const NAME_END = /[ \t\r\n.,|:)(]|\}\}/y;
const NAMES: readonly string[] = ["field", "variable", "word"];

/**
 * Cuts a template into tokens: texts, and what stands between {{ and }}. Comments leave none, and
 * trim markers shorten the texts around them, so that the parser sees neither. A space before }}
 * is no token. The last one is `EOF`.
 */
export function tokenize(source: Source): Token[] {
  const { text } = source;
  const tokens: Token[] = [];
  for (let at = 0; ;) {
    const open = text.indexOf("{{", at);
    const trims = open >= 0 && /^-[ \t\r\n]/.test(text.slice(open + 2, open + 4));
    const plain = text.slice(at, open < 0 ? undefined : open);
    const kept = trims ? trimmedEnd(plain) : plain;
    if (kept !== "") tokens.push({ kind: "text", at, text: kept });
    if (open < 0) break;
    const inside = open + (trims ? 4 : 2);
    if (text.startsWith("/*", inside)) {
      at = comment(source, inside);
    } else {
      tokens.push({ kind: "{{", at: open, text: "{{" });
      at = action(source, inside, tokens);
    }
  }
  tokens.push({ kind: "EOF", at: text.length, text: "EOF" });
  return tokens;
}

function comment(source: Source, at: number): number {
  const close = source.text.indexOf("*/", at + 2);
  if (close < 0) source.refuse(source.text.length, "unclosed comment");
  const end = match(COMMENT_END, source.text, close);
  if (end === undefined) source.refuse(close, "comment ends before closing delimiter");
  return afterRight(source.text, close, end[0]);
}

/** Reads to the end of an action; returns where the text behind it begins. */
function action(source: Source, start: number, tokens: Token[]): number {
  const { text } = source;
  for (let at = start; ;) {
    const right = match(RIGHT, text, at);
    if (right !== undefined) {
      tokens.push({ kind: "}}", at, text: "}}" });
      return afterRight(text, at, right[0]);
    }
    const token = tokenAt(source, at);
    tokens.push(token);
    at += token.text.length;
  }
}

function tokenAt(source: Source, at: number): Token {
  const found = match(TOKEN, source.text, at);
  if (found === undefined) return refuseAt(source, at);
  const [text] = found;
  const group = Object.entries(found.groups ?? {}).find(([, value]) => value !== undefined)?.[0] ?? "";
  const end = at + text.length;
  if (NAMES.includes(group) && match(NAME_END, source.text, end) === undefined && end < source.text.length) {
    source.refuse(at, `bad character ${notation(source.text, end)}`);
  }
  if (group === "mark" || KEYWORDS.includes(text)) return { kind: text, at, text };
  return { kind: text === "true" || text === "false" ? "bool" : group, at, text };
}

function refuseAt(source: Source, at: number): never {
  const char = source.text.charAt(at);
  if (char === "") source.refuse(at, "unclosed action");
  if (char === '"') source.refuse(at, "unterminated quoted string");
  if (char === "`") source.refuse(at, "unterminated raw quoted string");
  if (char === ":") source.refuse(at, "expected :=");
  if (char === "'") source.unsupported(at, "a character constant (')");
  if (char === "+" || char === "-") source.refuse(at, `bad number syntax: "${source.text.slice(at, at + 2)}"`);
  if (/[!-~]/.test(char)) source.refuse(at, `unexpected "${char}" in command`);
  return source.refuse(at, `unrecognized character in action: ${notation(source.text, at)}`);
}

function afterRight(text: string, at: number, delimiter: string): number {
  let end = at + delimiter.length;
  if (delimiter.endsWith("-}}")) while (isSpace(text.charAt(end))) end += 1;
  return end;
}

function trimmedEnd(text: string): string {
  let end = text.length;
  while (isSpace(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

function isSpace(char: string): boolean {
  return char !== "" && " \t\r\n".includes(char);
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function notation(text: string, at: number): string {
  const rune = text.codePointAt(at) ?? 0;
  return `U+${rune.toString(16).toUpperCase().padStart(4, "0")} '${String.fromCodePoint(rune)}'`;
}
