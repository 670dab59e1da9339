import type { Bytes } from "../bytes/utf8.ts";
import { GoError, TemplateError } from "../error.ts";
import type { Budget } from "../limits.ts";
import type { AnyNode } from "../parse/nodes.ts";
import { source } from "../parse/source.ts";
import { quote } from "../strconv/quote.ts";
import type { GoValue, Maybe } from "../values/values.ts";

/** What a missing map key gives: no value, the zero value, or an error. */
export type MissingKey = "default" | "zero" | "error";

interface Variable {
  readonly name: Bytes;
  value: Maybe<GoValue>;
}

/**
 * Where an execution stands: the variables in sight, the template that runs, and the node that errors are blamed on.
 * The node is the one looked at last, as in Go, which is not always the innermost one.
 */
export class Scope {
  readonly missingKey: MissingKey;
  readonly budget: Budget;
  readonly #name: Bytes;
  readonly #text: Bytes;
  /** The template that runs, main or defined. */
  running: Bytes;
  node: AnyNode | undefined;
  variables: Variable[];

  constructor(name: Bytes, text: Bytes, missingKey: MissingKey, budget: Budget, data: GoValue) {
    this.#name = name;
    this.#text = text;
    this.missingKey = missingKey;
    this.budget = budget;
    this.running = name;
    this.variables = [{ name: "$", value: data }];
  }

  at(node: AnyNode): void {
    this.node = node;
  }

  push(name: Bytes, value: Maybe<GoValue>): void {
    this.variables.push({ name, value });
  }

  get(name: Bytes): Maybe<GoValue> {
    return this.#variable(name).value;
  }

  assign(name: Bytes, value: Maybe<GoValue>): void {
    this.#variable(name).value = value;
  }

  /** Sets the variable that is n-th from the top of the stack. */
  setTop(n: number, value: Maybe<GoValue>): void {
    const variable = this.variables[this.variables.length - n];
    if (variable !== undefined) variable.value = value;
  }

  #variable(name: Bytes): Variable {
    return this.variables.findLast((variable) => variable.name === name) ?? this.fail(`undefined variable: ${name}`);
  }

  /** Ends the execution, naming the place: `template: name:line:column: executing "name" at <node>: message`. */
  fail(message: Bytes): never {
    const running = quote(this.running);
    if (this.node === undefined) throw new TemplateError("exec", `template: ${this.running}: ${message}`);
    const before = this.#text.slice(0, this.node.at);
    const line = before.split("\n").length;
    const column = before.length - (before.lastIndexOf("\n") + 1);
    const place = `${this.#name}:${line}:${column}`;
    throw new TemplateError("exec", `template: ${place}: executing ${running} at <${source(this.node)}>: ${message}`);
  }

  /** Runs what may throw a GoError and gives it a place. */
  guard<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof GoError) this.fail(error.message);
      throw error;
    }
  }
}
