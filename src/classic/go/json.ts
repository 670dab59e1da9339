import { wellFormed } from "./well-formed.ts";

/** A JSON value and its line. Members keep their order, also those whose key is there twice. */
export type Json = { readonly line: number } & (
  | { readonly kind: "scalar"; readonly value: string | number | boolean | null }
  | { readonly kind: "array"; readonly items: readonly Json[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [key: string, value: Json])[] }
);

/** A text that is not the JSON it should be, with line and key. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

const TOKEN = /[ \t\r\n]*([{}[\],:]|"[^"\\]*(?:\\.[^"\\]*)*"|[\w.+-]+|$)/sy;
/** Common mistakes in JSON, by how the unexpected text begins. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^\ufeff/, "a byte order mark: save the file without it"],
  [/^(?:\/[/*]|#)/, "JSON has no comments"],
  [/^'/, "JSON has double quotes"],
  [/^[}\]]/, "is there a comma too many?"],
  [/^"[^"]*[\t\r\n]/, "a tab is \\t in quotes, a line break is \\n"],
];
/** Against a text made to exhaust the stack. A configuration has five levels. */
const MAX_DEPTH = 1000;

/**
 * Reads JSON. JSON.parse alone would say neither the line of what is wrong nor which of two keys
 * came last; here it reads the texts, numbers and words.
 *
 * @param behind what may follow the value: white space, or, as in a file, anything.
 */
export function readJson(text: string, behind: "nothing" | "anything"): Json {
  const reader = new Reader(text);
  const value = reader.value();
  if (behind === "nothing") reader.expect("");
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #key = "";
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(token = this.#next()): Json {
    const line = this.#line;
    if (this.#depth > MAX_DEPTH) this.#fail(`nested more than ${MAX_DEPTH} deep`);
    this.#depth += 1;
    const json: Json =
      token === "{"
        ? { kind: "object", line, members: this.#members() }
        : token === "["
          ? { kind: "array", line, items: this.#items() }
          : { kind: "scalar", line, value: this.#scalar(token) };
    this.#depth -= 1;
    return json;
  }

  /** Reads a token that must be one of these; "" is the end. */
  expect(...tokens: readonly string[]): string {
    const token = this.#next();
    return tokens.includes(token) ? token : this.#unexpected(tokens.map(shown).join(" or "), token);
  }

  #members(): readonly (readonly [string, Json])[] {
    const members: [string, Json][] = [];
    for (let token = this.#next(); token !== "}" || members.length > 0; token = this.#next()) {
      if (!token.startsWith('"')) this.#unexpected("a key in quotes", token);
      const key = String(this.#scalar(token));
      this.#key = key;
      this.expect(":");
      members.push([key, this.value()]);
      if (this.expect(",", "}") === "}") break;
    }
    return members;
  }

  #items(): readonly Json[] {
    const items: Json[] = [];
    for (let token = this.#next(); token !== "]" || items.length > 0; token = this.#next()) {
      items.push(this.value(token));
      if (this.expect(",", "]") === "]") break;
    }
    return items;
  }

  #scalar(token: string): string | number | boolean | null {
    try {
      const value = JSON.parse(token) as string | number | boolean | null;
      return typeof value === "string" ? wellFormed(value) : value;
    } catch {
      return this.#unexpected("a value", token);
    }
  }

  /** The next token, "" at the end. Counts the lines up to its end. */
  #next(): string {
    TOKEN.lastIndex = this.#at;
    const found = TOKEN.exec(this.#text);
    const [all, token = ""] = found ?? /^[ \t\r\n]*/.exec(this.#text.slice(this.#at)) ?? [""];
    this.#at += all.length;
    this.#line += all.split("\n").length - 1;
    return found === null ? this.#unexpected("JSON", this.#text.slice(this.#at, this.#at + 20)) : token;
  }

  #unexpected(wanted: string, token: string): never {
    const hint = HINTS.find(([beginning]) => beginning.test(token))?.[1];
    return this.#fail(`expected ${wanted}, found ${shown(token)}${hint === undefined ? "" : ` (${hint})`}`);
  }

  #fail(message: string): never {
    const near = this.#key === "" ? "" : ` near key "${this.#key}"`;
    throw new JsonError(`line ${this.#line}${near}: ${message}`);
  }
}

function shown(token: string): string {
  return token === "" ? "the end of the text" : token;
}
