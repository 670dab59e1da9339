import type { Bytes } from "../bytes/utf8.ts";
import { TemplateError } from "../error.ts";
import { unquote } from "../strconv/unquote.ts";
import type { Lexer } from "./lexer.ts";
import { describe, type Token, type TokenKind } from "./token.ts";

/**
 * The tokens as one template of a text reads them, with up to three put back, and the errors about them. The templates
 * defined in a text have streams of their own over the same lexer: each names the line of the token it read last.
 */
export class TokenStream {
  readonly #name: Bytes;
  readonly #lexer: Lexer;
  /** Tokens put back, the next one last. */
  readonly #pending: Token[] = [];
  /** The line of the token read last, which is where errors are noticed. */
  line = 0;
  /** The line on which the present action began; 0 outside of actions. */
  actionLine = 0;

  constructor(name: Bytes, lexer: Lexer) {
    this.#name = name;
    this.#lexer = lexer;
  }

  next(): Token {
    const pending = this.#pending.pop();
    if (pending !== undefined) return pending;
    const token = this.#lexer.next();
    this.line = token.line;
    return token;
  }

  nextNonSpace(): Token {
    let token = this.next();
    while (token.kind === "space") token = this.next();
    return token;
  }

  peek(): Token {
    const token = this.next();
    this.putBack(token);
    return token;
  }

  peekNonSpace(): Token {
    const token = this.nextNonSpace();
    this.putBack(token);
    return token;
  }

  putBack(...tokens: readonly Token[]): void {
    this.#pending.push(...tokens.toReversed());
  }

  expect(kind: TokenKind, context: string): Token {
    const token = this.nextNonSpace();
    return token.kind === kind ? token : this.unexpected(token, context);
  }

  /** The value of a string literal. */
  text(token: Token): Bytes {
    return unquote(token.text) ?? this.fail("invalid syntax");
  }

  unexpected(token: Token, context: string): never {
    if (token.kind !== "error") this.fail(`unexpected ${describe(token)} in ${context}`);
    let extra = "";
    if (this.actionLine !== 0 && this.actionLine !== token.line) {
      const inAction = token.text.endsWith(" action") ? "" : " in action";
      extra = `${inAction} started at ${this.#name}:${this.actionLine}`;
    }
    return this.fail(`${token.text}${extra}`);
  }

  fail(message: Bytes): never {
    throw new TemplateError("parse", `template: ${this.#name}:${this.line}: ${message}`);
  }
}
