import { isBlank } from "../bytes/unicode.ts";
import type { Bytes } from "../bytes/utf8.ts";
import { quote } from "../strconv/quote.ts";
import { Expressions } from "./expressions.ts";
import { Lexer } from "./lexer.ts";
import type { BranchNode, ListNode, Node } from "./nodes.ts";
import type { Token } from "./token.ts";
import { TokenStream } from "./token-stream.ts";

/** The templates of one text by name: the main one and those it defines. */
export type Templates = ReadonlyMap<Bytes, ListNode>;

/** How deep if, with, range and block may nest; every `else if` counts as well. Go has no limit. */
const MAX_BLOCKS = 500;

/** Reads a template's text. `isFunction` knows the functions; every other identifier is an error. */
export function parseTemplates(name: Bytes, text: Bytes, isFunction: (name: Bytes) => boolean): Templates {
  const shared: Shared = { name, lexer: new Lexer(text), isFunction, templates: new Map(), blocks: 0 };
  new Parser(shared, name).main();
  return shared.templates;
}

/** What the parser of a text and those of the templates defined in it have in common. */
interface Shared {
  readonly name: Bytes;
  readonly lexer: Lexer;
  readonly isFunction: (name: Bytes) => boolean;
  readonly templates: Map<Bytes, ListNode>;
  blocks: number;
}

/** How a list ends: with {{end}}, or with {{else}} before another list. */
interface Mark {
  readonly mark: "end" | "else";
  readonly at: number;
}

/** Reads one template by recursive descent. Each define and block has a parser, and so variables, of its own. */
class Parser {
  readonly #shared: Shared;
  readonly #name: Bytes;
  readonly #tokens: TokenStream;
  readonly #expressions: Expressions;
  #ranges = 0;

  constructor(shared: Shared, name: Bytes, line = 0) {
    this.#shared = shared;
    this.#name = name;
    this.#tokens = new TokenStream(shared.name, shared.lexer);
    this.#tokens.line = line;
    this.#expressions = new Expressions(this.#tokens, shared.isFunction);
  }

  main(): void {
    const tokens = this.#tokens;
    const at = tokens.peek().at;
    const nodes: Node[] = [];
    while (tokens.peek().kind !== "eof") {
      if (tokens.peek().kind === "left delimiter") {
        const delimiter = tokens.next();
        const word = tokens.nextNonSpace();
        if (word.kind === "define") {
          this.#definition();
          continue;
        }
        tokens.putBack(delimiter, word);
      }
      const step = this.#textOrAction();
      nodes.push("mark" in step ? tokens.fail(`unexpected {{${step.mark}}}`) : step);
    }
    this.#define({ kind: "list", at, nodes });
  }

  #definition(): void {
    const context = "define clause";
    const opening = new TokenStream(this.#shared.name, this.#shared.lexer);
    const token = opening.nextNonSpace();
    if (token.kind !== "string" && token.kind !== "raw string") opening.unexpected(token, context);
    const name = opening.text(token);
    opening.expect("right delimiter", context);
    const inner = new Parser(this.#shared, name, opening.line);
    const { list, end } = inner.#list();
    if (end.mark !== "end") inner.#tokens.fail(`unexpected {{${end.mark}}} in ${context}`);
    inner.#define(list);
  }

  /** A body of nothing but white space never replaces another; two that are more than that are an error. */
  #define(list: ListNode): void {
    const present = this.#shared.templates.get(this.#name);
    if (present === undefined || isEmpty(present)) this.#shared.templates.set(this.#name, list);
    else if (!isEmpty(list)) this.#tokens.fail(`template: multiple definition of template ${quote(this.#name)}`);
  }

  #list(): { readonly list: ListNode; readonly end: Mark } {
    const at = this.#tokens.peekNonSpace().at;
    const nodes: Node[] = [];
    while (this.#tokens.peekNonSpace().kind !== "eof") {
      const step = this.#textOrAction();
      if ("mark" in step) return { list: { kind: "list", at, nodes }, end: step };
      nodes.push(step);
    }
    return this.#tokens.fail("unexpected EOF");
  }

  #textOrAction(): Node | Mark {
    const token = this.#tokens.nextNonSpace();
    if (token.kind === "text") return { kind: "text", at: token.at, text: token.text };
    if (token.kind !== "left delimiter") return this.#tokens.unexpected(token, "input");
    this.#tokens.actionLine = token.line;
    const step = this.#action();
    this.#tokens.actionLine = 0;
    return step;
  }

  #action(): Node | Mark {
    const token = this.#tokens.nextNonSpace();
    const { kind, at } = token;
    if (kind === "if" || kind === "range" || kind === "with") return this.#branch(kind);
    if (kind === "break" || kind === "continue") return this.#loopControl(at, kind);
    if (kind === "else") return this.#else();
    if (kind === "end") return { mark: "end", at: this.#tokens.expect("right delimiter", "end").at };
    if (kind === "block") return this.#block();
    if (kind === "template") return this.#templateCall();
    this.#tokens.putBack(token);
    return { kind: "action", at, pipe: this.#expressions.pipeline("command", "right delimiter") };
  }

  #loopControl(at: number, kind: "break" | "continue"): Node {
    const after = this.#tokens.nextNonSpace();
    if (after.kind !== "right delimiter") this.#tokens.unexpected(after, `{{${kind}}}`);
    if (this.#ranges === 0) this.#tokens.fail(`{{${kind}}} outside {{range}}`);
    return { kind, at };
  }

  /** `else if` and `else with` leave the second word for the branch they continue. */
  #else(): Mark {
    const next = this.#tokens.peekNonSpace();
    if (next.kind === "if" || next.kind === "with") return { mark: "else", at: next.at };
    return { mark: "else", at: this.#tokens.expect("right delimiter", "else").at };
  }

  #branch(kind: "if" | "with" | "range"): BranchNode {
    this.#enterBlock();
    const { variables } = this.#expressions;
    const scope = variables.length;
    const pipe = this.#expressions.pipeline(kind, "right delimiter");
    if (kind === "range") this.#ranges += 1;
    const { list, end } = this.#list();
    if (kind === "range") this.#ranges -= 1;
    const otherwise = end.mark === "else" ? this.#otherwise(kind, end.at) : undefined;
    variables.length = scope;
    this.#shared.blocks -= 1;
    return { kind, at: pipe.at, pipe, list, otherwise };
  }

  #otherwise(kind: "if" | "with" | "range", at: number): ListNode {
    if (kind !== "range" && this.#tokens.peek().kind === kind) {
      this.#tokens.next();
      return { kind: "list", at, nodes: [this.#branch(kind)] };
    }
    const { list, end } = this.#list();
    if (end.mark !== "end") this.#tokens.fail(`expected end; found {{${end.mark}}}`);
    return list;
  }

  /** Defines a template and runs it in the same place. */
  #block(): Node {
    const context = "block clause";
    this.#enterBlock();
    const token = this.#tokens.nextNonSpace();
    const name = this.#templateName(token, context);
    const pipe = this.#expressions.pipeline(context, "right delimiter");
    const inner = new Parser(this.#shared, name);
    const { list, end } = inner.#list();
    // Blamed on the line where the block begins, unlike in a define.
    if (end.mark !== "end") this.#tokens.fail(`unexpected {{${end.mark}}} in ${context}`);
    inner.#define(list);
    this.#shared.blocks -= 1;
    return { kind: "template", at: token.at, name, pipe };
  }

  #templateCall(): Node {
    const context = "template clause";
    const token = this.#tokens.nextNonSpace();
    const name = this.#templateName(token, context);
    const next = this.#tokens.nextNonSpace();
    if (next.kind === "right delimiter") return { kind: "template", at: token.at, name, pipe: undefined };
    this.#tokens.putBack(next);
    return { kind: "template", at: token.at, name, pipe: this.#expressions.pipeline(context, "right delimiter") };
  }

  #templateName(token: Token, context: string): Bytes {
    if (token.kind === "string" || token.kind === "raw string") return this.#tokens.text(token);
    return this.#tokens.unexpected(token, context);
  }

  #enterBlock(): void {
    this.#shared.blocks += 1;
    if (this.#shared.blocks > MAX_BLOCKS) this.#tokens.fail(`more than ${MAX_BLOCKS} nested blocks`);
  }
}

function isEmpty(list: ListNode): boolean {
  return list.nodes.every((node) => node.kind === "text" && isBlank(node.text));
}
