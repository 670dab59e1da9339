import { leftOut } from "./values/claim-data.ts";
import { FUNCTIONS } from "./functions.ts";
import { MAX_NESTING } from "./limits.ts";
import type { Command, Operand, Path, Pipeline } from "./syntax/nodes.ts";
import { checkFormat } from "./values/print.ts";
import type { Tokens } from "./syntax/tokens.ts";
import { unquote } from "./syntax/unquote.ts";

/** What can only stand at the beginning of a pipeline, because it takes no argument. */
function takesArgument(operand: Operand): boolean {
  if (operand.kind === "path") return operand.start !== "." || operand.names.length > 0;
  return operand.kind === "function" || operand.kind === "pipe";
}

/** Reads what stands inside an action. Knows the variables in sight. */
export class Pipelines {
  readonly #tokens: Tokens;
  readonly variables: string[] = ["$"];
  /** Is the dot still the data that the template was given? */
  dotIsTop = true;
  #nesting = 0;

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  read(context: string, end: string): Pipeline {
    const tokens = this.#tokens;
    tokens.skipSpace();
    const start = tokens.peek();
    const { variables, assigns } = this.#declarations(context);
    const commands: Command[] = [];
    for (;;) {
      tokens.skipSpace();
      if (tokens.peek().kind === end) break;
      if (commands.length > 0) {
        tokens.expect("|", context);
        tokens.skipSpace();
        if (tokens.peek().kind === end) break;
      }
      commands.push(this.#command(context, commands.length));
    }
    if (commands.length === 0) tokens.source.refuse(tokens.peek().at, `missing value for ${context}`);
    const span = tokens.since(start);
    tokens.next();
    return { kind: "pipe", ...span, variables, assigns, commands };
  }

  /** `$x :=`, `$x =`, and in a range `$i, $x :=`; nothing where the variable is an operand. */
  #declarations(context: string): Pick<Pipeline, "variables" | "assigns"> {
    const tokens = this.#tokens;
    const variables: string[] = [];
    for (;;) {
      tokens.skipSpace();
      const variable = tokens.peek();
      const mark = tokens.peek(tokens.peek(1).kind === "space" ? 2 : 1).kind;
      if (variable.kind !== "variable" || ![",", "=", ":="].includes(mark)) {
        if (variables.length > 0) tokens.source.refuse(variable.at, "range can only initialize variables");
        return { variables, assigns: false };
      }
      tokens.next();
      tokens.skipSpace();
      tokens.next();
      variables.push(variable.text);
      this.variables.push(variable.text);
      if (mark !== ",") return { variables, assigns: mark === "=" };
      if (context !== "range" || variables.length > 1) {
        tokens.source.refuse(variable.at, `too many declarations in ${context}`);
      }
    }
  }

  #command(context: string, before: number): Command {
    const tokens = this.#tokens;
    tokens.skipSpace();
    const start = tokens.peek();
    const words: Operand[] = [];
    do {
      const operand = this.#operand();
      if (operand === undefined) break;
      words.push(operand);
    } while (tokens.take("space"));
    const [first, ...args] = words;
    const { kind, at } = tokens.peek();
    if (first === undefined)
      return kind === "|" || before > 0
        ? tokens.source.refuse(at, `missing value for ${context}`)
        : tokens.unexpected(context);
    if (!["}}", ")", "|"].includes(kind)) tokens.unexpected("operand");
    if (before > 0 && !takesArgument(first)) {
      tokens.source.refuse(first.at, `non executable command in pipeline stage ${before + 1}`);
    }
    const command = { first, args, ...tokens.since(start) };
    this.#checkPrintf(command, before > 0);
    return command;
  }

  /** A format that a label chose could not be checked before a claim is there. */
  #checkPrintf({ first, args, at }: Command, piped: boolean): void {
    if (first.kind !== "function" || first.name !== "printf" || (args.length === 0 && !piped)) return;
    const { source } = this.#tokens;
    const [format] = args;
    if (format?.kind !== "constant" || typeof format.value !== "string") {
      return source.unsupported(at, "printf with a format that is not text in quotes");
    }
    const { value } = format;
    source.guard(format, () => checkFormat(value, args.length - (piped ? 0 : 1)));
  }

  /** A term, perhaps with .fields behind it; undefined where none begins. */
  #operand(): Operand | undefined {
    const tokens = this.#tokens;
    const start = tokens.peek();
    const term = this.#term();
    if (term === undefined) return undefined;
    const isPath = term.kind === "path";
    const names = isPath ? [...term.names] : [];
    const { kind, at } = tokens.peek();
    if (kind !== "field") return term;
    // Go names the place of the last field but the first.
    while (tokens.peek().kind === "field") names.push(tokens.next().text.slice(1));
    if (!takesArgument(term)) tokens.source.refuse(at, `unexpected . after term ${JSON.stringify(start.text)}`);
    const path: Path = { kind: "path", start: isPath ? term.start : term, names, at, text: tokens.since(start).text };
    this.#refuseLeftOut(path);
    return path;
  }

  #refuseLeftOut({ start, names, at }: Path): void {
    const isTop = start === "." ? this.dotIsTop : "variable" in start && start.variable === "$";
    const what = isTop ? leftOut(names) : undefined;
    if (what !== undefined) this.#tokens.source.unsupported(at, what);
  }

  #term(): Operand | undefined {
    const tokens = this.#tokens;
    const { source } = tokens;
    const { kind, at, text } = tokens.peek();
    if (kind === "(") return this.#parenthesized();
    if (!["bool", "number", "string", "nil", ".", "field", "variable", "word"].includes(kind)) return undefined;
    tokens.next();
    const span = { at, text };
    if (kind === "nil") return { kind, ...span };
    if (kind === ".") return { kind: "path", ...span, start: ".", names: [] };
    if (kind === "field") return { kind: "path", ...span, start: ".", names: [text.slice(1)] };
    if (kind === "bool") return { kind: "constant", ...span, value: text === "true" };
    if (kind === "number") return { kind: "constant", ...span, value: this.#number(at, text) };
    if (kind === "variable") {
      if (!this.variables.includes(text)) source.refuse(at, `undefined variable "${text}"`);
      return { kind: "path", ...span, start: { variable: text }, names: [] };
    }
    if (kind === "string") {
      const value = unquote(text) ?? source.refuse(at, "invalid syntax");
      if (value === "byte") return source.unsupported(at, `a byte that is no character (${text})`);
      return { kind: "constant", ...span, value: value.text };
    }
    if (text === "call") source.unsupported(at, "the function call");
    if (!FUNCTIONS.has(text)) source.refuse(at, `function "${text}" not defined`);
    return { kind: "function", ...span, name: text };
  }

  /** Go has numbers of many kinds and notations; what a path needs is whole ones. */
  #number(at: number, text: string): number {
    const value = Number(text);
    if (/^[+-]?(?:0|[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    return this.#tokens.source.unsupported(at, `the number ${text} (only whole decimal numbers are)`);
  }

  #parenthesized(): Pipeline {
    if (this.#nesting >= MAX_NESTING)
      this.#tokens.source.refuse(this.#tokens.peek().at, "max expression depth exceeded");
    this.#nesting += 1;
    this.#tokens.next();
    const pipe = this.read("parenthesized pipeline", ")");
    this.#nesting -= 1;
    return pipe;
  }
}
