import type { Budget } from "./limits.ts";
import type { Source, Span } from "./syntax/source.ts";
import type { Value } from "./values/values.ts";

/** What an absent label gives: no value, which prints as `<no value>`, or an error. */
export type MissingKey = "default" | "error";

interface Variable {
  readonly name: string;
  value: Value;
}

/** The variables of one execution, the innermost last, and what it needs all over. */
export class Scope {
  readonly source: Source;
  readonly missingKey: MissingKey;
  readonly budget: Budget;
  readonly #variables: Variable[];

  constructor(source: Source, missingKey: MissingKey, budget: Budget, data: Value) {
    this.source = source;
    this.missingKey = missingKey;
    this.budget = budget;
    this.#variables = [{ name: "$", value: data }];
  }

  /** Where a block began; `leave` drops what was declared since. */
  mark(): number {
    return this.#variables.length;
  }

  leave(mark: number): void {
    this.#variables.length = mark;
  }

  declare(name: string, value: Value): void {
    this.#variables.push({ name, value });
  }

  get(name: string, from: Span): Value {
    return this.#find(name, from).value;
  }

  assign(name: string, value: Value, from: Span): void {
    this.#find(name, from).value = value;
  }

  /** For the parser, `$x = …` declares $x, and so does `$x := …` before its end. */
  #find(name: string, from: Span): Variable {
    const variable = this.#variables.findLast((one) => one.name === name);
    return variable ?? this.source.fail(from, `undefined variable: ${name}`);
  }
}
