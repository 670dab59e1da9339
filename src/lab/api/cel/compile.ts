/*
 * The part of CEL that the rules of our own kinds use. Compiling an expression that uses anything
 * else fails, with an error that names it. Types are not checked: the real API server does that
 * when the CustomResourceDefinition is applied.
 */
import {
  absorbing,
  add,
  hasField,
  listOf,
  MACROS,
  METHODS,
  RELATIONS,
  select,
  truth,
  type Binary,
  type Evaluate,
} from "./operations.ts";
import { tokensOf, UnknownCel, type Token } from "./tokens.ts";

/** Compiles an expression that may use these names. Throws UnknownCel. */
export function compileCel(expression: string, names: readonly string[]): Evaluate {
  return new Compiler(expression, names).whole();
}

class Compiler {
  readonly #expression: string;
  readonly #tokens: readonly Token[];
  readonly #names: string[];
  #next = 0;

  constructor(expression: string, names: readonly string[]) {
    this.#expression = expression;
    this.#tokens = tokensOf(expression);
    this.#names = [...names];
  }

  whole(): Evaluate {
    const result = this.#conditional();
    if (this.#peek().kind !== "end") this.#refuse();
    return result;
  }

  #conditional(): Evaluate {
    const condition = this.#or();
    if (!this.#takes("?")) return condition;
    const yes = this.#or();
    this.#must(":");
    const no = this.#conditional();
    return (names) => (truth(condition(names)) ? yes(names) : no(names));
  }

  #or(): Evaluate {
    let left = this.#and();
    while (this.#takes("||")) left = logical(left, this.#and(), true);
    return left;
  }

  #and(): Evaluate {
    let left = this.#relation();
    while (this.#takes("&&")) left = logical(left, this.#relation(), false);
    return left;
  }

  #relation(): Evaluate {
    let left = this.#sum();
    for (;;) {
      const { kind, text } = this.#peek();
      const relation = kind === "text" ? undefined : RELATIONS.get(text);
      if (relation === undefined) return left;
      this.#next++;
      left = binary(relation, left, this.#sum());
    }
  }

  #sum(): Evaluate {
    let left = this.#unary();
    while (this.#takes("+")) left = binary(add, left, this.#unary());
    return left;
  }

  #unary(): Evaluate {
    if (!this.#takes("!")) return this.#member();
    const operand = this.#unary();
    return (names) => !truth(operand(names));
  }

  #member(): Evaluate {
    let on = this.#primary();
    while (this.#takes(".")) {
      const field = this.#name();
      on = this.#takes("(") ? this.#call(on, field) : selection(on, field);
    }
    return on;
  }

  #call(on: Evaluate, name: string): Evaluate {
    const macro = MACROS.get(name);
    if (macro !== undefined) {
      const item = this.#name();
      this.#must(",");
      this.#names.push(item);
      const holds = this.#conditional();
      this.#names.pop();
      this.#must(")");
      return (names) => macro(listOf(on(names), name), (value) => holds({ ...names, [item]: value }));
    }
    const method = METHODS.get(name);
    if (method === undefined) this.#refuse(`.${name}()`);
    const args = this.#list(")");
    return (names) =>
      method(
        on(names),
        args.map((each) => each(names)),
      );
  }

  #primary(): Evaluate {
    const { kind, text } = this.#take();
    if (kind === "number") return () => Number(text);
    if (kind === "text") return () => text;
    if (kind === "name") return this.#named(text);
    if (text === "(") {
      const inner = this.#conditional();
      this.#must(")");
      return inner;
    }
    if (text !== "[") this.#refuse(text);
    const items = this.#list("]");
    return (names) => items.map((item) => item(names));
  }

  #named(name: string): Evaluate {
    if (name === "true" || name === "false") return () => name === "true";
    if (name === "has" && this.#takes("(")) return this.#has();
    if (!this.#names.includes(name)) this.#refuse(name);
    return (names) => names[name];
  }

  /** `has(a.b.c)`: reads `a.b` and tests whether it has the field `c`. */
  #has(): Evaluate {
    let on = this.#primary();
    this.#must(".");
    let field = this.#name();
    while (this.#takes(".")) {
      on = selection(on, field);
      field = this.#name();
    }
    this.#must(")");
    const [whole, last] = [on, field];
    return (names) => hasField(whole(names), last);
  }

  #list(end: ")" | "]"): readonly Evaluate[] {
    const items: Evaluate[] = [];
    if (this.#takes(end)) return items;
    do items.push(this.#conditional());
    while (this.#takes(","));
    this.#must(end);
    return items;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", text: "the end" };
  }

  #take(): Token {
    const token = this.#peek();
    this.#next++;
    return token;
  }

  #takes(sign: string): boolean {
    const { kind, text } = this.#peek();
    if (kind !== "sign" || text !== sign) return false;
    this.#next++;
    return true;
  }

  #must(sign: string): void {
    if (!this.#takes(sign)) this.#refuse();
  }

  #name(): string {
    const { kind, text } = this.#take();
    if (kind !== "name") this.#refuse(text);
    return text;
  }

  #refuse(what = this.#peek().text): never {
    throw new UnknownCel(`the lab does not know ${what} at this place of the CEL: ${this.#expression}`);
  }
}

function logical(left: Evaluate, right: Evaluate, wanted: boolean): Evaluate {
  return (names) =>
    absorbing(
      () => left(names),
      () => right(names),
      wanted,
    );
}

function binary(operation: Binary, left: Evaluate, right: Evaluate): Evaluate {
  return (names) => operation(left(names), right(names));
}

function selection(on: Evaluate, field: string): Evaluate {
  return (names) => select(on(names), field);
}
