import type { Bytes } from "../bytes/utf8.ts";
import { quote } from "../strconv/quote.ts";
import type { CommandNode, OperandNode, PipeNode, VariableNode } from "./nodes.ts";
import { parseNumber } from "./number.ts";
import { source } from "./source.ts";
import type { TokenKind } from "./token.ts";
import type { TokenStream } from "./token-stream.ts";

/** How deep parentheses may nest: Go's own limit is 10,000, which is more than a JavaScript stack takes. */
const MAX_PARENTHESES = 500;

const STARTS_OPERAND: ReadonlySet<TokenKind> = new Set<TokenKind>([
  "bool",
  "character",
  "complex",
  "dot",
  "field",
  "identifier",
  "number",
  "nil",
  "raw string",
  "string",
  "variable",
  "left paren",
]);

/** What can only stand at the beginning of a pipeline, because it takes no argument. */
const NOT_EXECUTABLE: ReadonlySet<OperandNode["kind"]> = new Set<OperandNode["kind"]>([
  "bool",
  "dot",
  "nil",
  "number",
  "string",
]);

/** Reads what stands inside an action: pipelines of commands of operands. Knows the variables in sight. */
export class Expressions {
  readonly #tokens: TokenStream;
  readonly #isFunction: (name: Bytes) => boolean;
  readonly variables: Bytes[] = ["$"];
  #parentheses = 0;

  constructor(tokens: TokenStream, isFunction: (name: Bytes) => boolean) {
    this.#tokens = tokens;
    this.#isFunction = isFunction;
  }

  pipeline(context: string, end: TokenKind): PipeNode {
    const tokens = this.#tokens;
    const at = tokens.peekNonSpace().at;
    const { variables, assigns } = this.#declarations(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = tokens.nextNonSpace();
      if (token.kind === end) break;
      if (!STARTS_OPERAND.has(token.kind)) tokens.unexpected(token, context);
      tokens.putBack(token);
      commands.push(this.#command());
    }
    if (commands.length === 0) tokens.fail(`missing value for ${context}`);
    for (const [index, command] of commands.entries()) {
      const kind = command.words[0]?.kind;
      if (index > 0 && kind !== undefined && NOT_EXECUTABLE.has(kind)) {
        tokens.fail(`non executable command in pipeline stage ${index + 1}`);
      }
    }
    return { kind: "pipe", at, assigns, variables, commands };
  }

  /** `$x :=`, `$x =`, and in a range `$i, $x :=`. A variable that is followed by neither is an operand. */
  #declarations(context: string): { readonly variables: readonly VariableNode[]; readonly assigns: boolean } {
    const tokens = this.#tokens;
    const variables: VariableNode[] = [];
    for (;;) {
      const variable = tokens.nextNonSpace();
      if (variable.kind !== "variable") {
        tokens.putBack(variable);
        return { variables, assigns: false };
      }
      const after = tokens.next();
      const next = after.kind === "space" ? tokens.nextNonSpace() : after;
      const isComma = next.kind === "punctuation" && next.text === ",";
      if (!isComma && next.kind !== "assign" && next.kind !== "declare") {
        if (after.kind === "space") tokens.putBack(variable, after, next);
        else tokens.putBack(variable, next);
        return { variables, assigns: false };
      }
      variables.push({ kind: "variable", at: variable.at, names: [variable.text] });
      this.variables.push(variable.text);
      if (!isComma) return { variables, assigns: next.kind === "assign" };
      if (context !== "range" || variables.length > 1) tokens.fail(`too many declarations in ${context}`);
      const second = tokens.peekNonSpace().kind;
      if (second !== "variable" && second !== "right delimiter" && second !== "right paren") {
        tokens.fail("range can only initialize variables");
      }
    }
  }

  #command(): CommandNode {
    const tokens = this.#tokens;
    const at = tokens.peekNonSpace().at;
    const words: OperandNode[] = [];
    for (;;) {
      tokens.peekNonSpace();
      const operand = this.#operand();
      if (operand !== undefined) words.push(operand);
      const token = tokens.next();
      if (token.kind === "space") continue;
      if (token.kind === "right delimiter" || token.kind === "right paren") tokens.putBack(token);
      else if (token.kind !== "pipe") tokens.unexpected(token, "operand");
      break;
    }
    if (words.length === 0) tokens.fail("empty command");
    return { kind: "command", at, words };
  }

  /** A term, perhaps with .fields behind it; undefined where none begins. */
  #operand(): OperandNode | undefined {
    const tokens = this.#tokens;
    const term = this.#term();
    if (term === undefined) return undefined;
    const first = tokens.peek();
    if (first.kind !== "field") return term;
    const names: Bytes[] = [];
    while (tokens.peek().kind === "field") names.push(tokens.next().text.slice(1));
    if (term.kind === "field" || term.kind === "variable") {
      return { kind: term.kind, at: first.at, names: [...term.names, ...names] };
    }
    if (NOT_EXECUTABLE.has(term.kind)) tokens.fail(`unexpected . after term ${quote(source(term))}`);
    return { kind: "chain", at: first.at, operand: term, names };
  }

  #term(): OperandNode | undefined {
    const tokens = this.#tokens;
    const token = tokens.nextNonSpace();
    const { kind, at, text } = token;
    if (kind === "dot" || kind === "nil") return { kind, at };
    if (kind === "bool") return { kind, at, value: text === "true" };
    if (kind === "field") return { kind, at, names: [text.slice(1)] };
    if (kind === "left paren") return this.#parenthesized();
    if (kind === "string" || kind === "raw string")
      return { kind: "string", at, literal: text, value: tokens.text(token) };
    if (kind === "identifier") {
      if (!this.#isFunction(text)) tokens.fail(`function ${quote(text)} not defined`);
      return { kind, at, name: text };
    }
    if (kind === "variable") {
      if (!this.variables.includes(text)) tokens.fail(`undefined variable ${quote(text)}`);
      return { kind, at, names: [text] };
    }
    if (kind === "character" || kind === "complex" || kind === "number") {
      const number = parseNumber(at, text, kind);
      return typeof number === "string" ? tokens.fail(number) : number;
    }
    tokens.putBack(token);
    return undefined;
  }

  #parenthesized(): PipeNode {
    if (this.#parentheses >= MAX_PARENTHESES) this.#tokens.fail("max expression depth exceeded");
    this.#parentheses += 1;
    const pipe = this.pipeline("parenthesized pipeline", "right paren");
    this.#parentheses -= 1;
    return pipe;
  }
}
