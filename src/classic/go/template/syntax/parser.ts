import { tokenize } from "./lexer.ts";
import { MAX_NESTING } from "../limits.ts";
import type { Branch, Node } from "./nodes.ts";
import { Pipelines } from "../pipelines.ts";
import type { Source } from "./source.ts";
import { Tokens } from "./tokens.ts";

/** How a list ends. */
type End = "end" | "else" | "EOF";

/** Reads a template by recursive descent. Throws TemplateError. */
export function parseTemplate(source: Source): readonly Node[] {
  return new Parser(source).main();
}

class Parser {
  readonly #source: Source;
  readonly #tokens: Tokens;
  readonly #pipelines: Pipelines;
  #ranges = 0;
  #blocks = 0;

  constructor(source: Source) {
    this.#source = source;
    this.#tokens = new Tokens(source, tokenize(source));
    this.#pipelines = new Pipelines(this.#tokens);
  }

  main(): readonly Node[] {
    const { nodes, end } = this.#list();
    if (end !== "EOF") this.#source.refuse(this.#tokens.peek().at, `unexpected {{${end}}}`);
    return nodes;
  }

  /** The list up to its end; an else is read only as a word, since `if` or `with` may follow. */
  #list(): { readonly nodes: readonly Node[]; readonly end: End } {
    const tokens = this.#tokens;
    const nodes: Node[] = [];
    for (;;) {
      const { kind, at, text } = tokens.next();
      if (kind === "EOF") return { nodes, end: kind };
      if (kind === "text") {
        nodes.push({ kind, at, text });
        continue;
      }
      tokens.skipSpace();
      const word = tokens.peek().kind;
      if (word === "end" || word === "else") {
        tokens.next();
        if (word === "end") tokens.expect("}}", "end");
        return { nodes, end: word };
      }
      nodes.push(this.#action());
    }
  }

  #action(): Node {
    const tokens = this.#tokens;
    const { kind, at } = tokens.peek();
    if (kind === "define" || kind === "block" || kind === "template") this.#source.unsupported(at, `{{${kind}}}`);
    if (kind === "if" || kind === "with" || kind === "range") {
      tokens.next();
      return this.#branch(kind);
    }
    if (kind === "break" || kind === "continue") {
      tokens.next();
      tokens.expect("}}", `{{${kind}}}`);
      if (this.#ranges === 0) this.#source.refuse(at, `{{${kind}}} outside {{range}}`);
      return { kind };
    }
    return { kind: "action", pipe: this.#pipelines.read("command", "}}") };
  }

  #branch(kind: Branch["kind"]): Branch {
    const pipelines = this.#pipelines;
    const { variables, dotIsTop } = pipelines;
    const scope = variables.length;
    this.#blocks += 1;
    if (this.#blocks > MAX_NESTING) {
      this.#source.refuse(this.#tokens.peek().at, `more than ${MAX_NESTING} nested blocks`);
    }
    const pipe = pipelines.read(kind, "}}");
    this.#ranges += kind === "range" ? 1 : 0;
    pipelines.dotIsTop = dotIsTop && kind === "if";
    const { nodes: list, end } = this.#list();
    pipelines.dotIsTop = dotIsTop;
    this.#ranges -= kind === "range" ? 1 : 0;
    if (end === "EOF") this.#source.refuse(this.#source.text.length, "unexpected EOF");
    const otherwise = end === "else" ? this.#otherwise(kind) : [];
    variables.length = scope;
    this.#blocks -= 1;
    return { kind, pipe, list, otherwise };
  }

  #otherwise(kind: Branch["kind"]): readonly Node[] {
    const tokens = this.#tokens;
    tokens.skipSpace();
    if (kind !== "range" && tokens.take(kind)) return [this.#branch(kind)];
    tokens.expect("}}", "else");
    const { nodes, end } = this.#list();
    if (end === "EOF") this.#source.refuse(this.#source.text.length, "unexpected EOF");
    if (end !== "end") this.#source.refuse(tokens.peek().at, `expected end; found {{${end}}}`);
    return nodes;
  }
}
