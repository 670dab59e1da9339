import type { Token } from "./lexer.ts";
import type { Source, Span } from "./source.ts";

/** The tokens of a template one after the other; the last one, EOF, does not go away. */
export class Tokens {
  readonly source: Source;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(source: Source, tokens: readonly Token[]) {
    this.source = source;
    this.#tokens = tokens;
  }

  peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#next + ahead, this.#tokens.length - 1)];
    return token ?? { kind: "EOF", at: 0, text: "EOF" };
  }

  next(): Token {
    const token = this.peek();
    this.#next += 1;
    return token;
  }

  /** Reads the token if it is of the kind. */
  take(kind: string): boolean {
    if (this.peek().kind !== kind) return false;
    this.#next += 1;
    return true;
  }

  skipSpace(): void {
    while (this.take("space"));
  }

  expect(kind: string, context: string): void {
    this.skipSpace();
    if (!this.take(kind)) this.unexpected(context);
  }

  unexpected(context: string): never {
    const { at, text, kind } = this.peek();
    const isWord = kind === text && /^[a-z.]+$/.test(text);
    const shown = kind === "EOF" ? "EOF" : isWord ? `<${text}>` : JSON.stringify(text);
    return this.source.refuse(at, `unexpected ${shown} in ${context}`);
  }

  /** What was read since a token, without the space at its end. */
  since(start: Token): Span {
    let last = this.#next - 1;
    while (this.#tokens[last]?.kind === "space") last -= 1;
    const end = this.#tokens[last] ?? start;
    return { at: start.at, text: this.source.text.slice(start.at, end.at + end.text.length) };
  }
}
