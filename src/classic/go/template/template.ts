import { wellFormed } from "../well-formed.ts";
import { evaluate } from "./evaluate.ts";
import { Budget } from "./limits.ts";
import type { Branch, Node } from "./syntax/nodes.ts";
import { parseTemplate } from "./syntax/parser.ts";
import { show } from "./values/print.ts";
import { type MissingKey, Scope } from "./scope.ts";
import { Source } from "./syntax/source.ts";
import { isList, isTexts, isTrue, NamedNumber, sortedEntries, type Value } from "./values/values.ts";
import { UnsupportedError, ValueError } from "./error.ts";

/** A template that has been read: renders it over the data of a claim, any number of times. */
export type Template = (data: Value) => string;

/**
 * Reads a template in the language of Go's text/template, as far as docs/classic.md says.
 *
 * @param name stands in error messages; the original calls its path pattern `pathPattern`.
 * @param missingKey what `.Labels.missing` gives.
 * @throws TemplateError where the text is no template, or one that is not supported; when it is
 *   rendered, where Go would fail, where a limit of limits.ts is reached, and where what the claim
 *   holds leads to something that is not supported.
 */
export function compileTemplate(name: string, text: string, missingKey: MissingKey = "default"): Template {
  const source = new Source(name, wellFormed(text));
  const nodes = parseTemplate(source);
  return (data) => {
    const run = new Run(new Scope(source, missingKey, new Budget(), data));
    run.list(nodes, data);
    return run.out;
  };
}

/** Why a list ended before its end. */
type Left = "break" | "continue" | undefined;

class Run {
  readonly #scope: Scope;
  out = "";

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  list(nodes: readonly Node[], dot: Value): Left {
    for (const node of nodes) {
      const left = this.#node(node, dot);
      if (left !== undefined) return left;
    }
    return undefined;
  }

  #node(node: Node, dot: Value): Left {
    const { source, budget } = this.#scope;
    switch (node.kind) {
      case "text":
        source.guard(node, () => budget.step());
        this.out += source.guard(node, () => budget.spend(node.text));
        return undefined;
      case "action": {
        const value = evaluate(this.#scope, dot, node.pipe);
        if (node.pipe.variables.length > 0) return undefined;
        this.out += source.guard(node.pipe, () => budget.spend(show(value, "<no value>")));
        return undefined;
      }
      case "break":
      case "continue":
        return node.kind;
      case "if":
      case "with":
      case "range":
        return this.#branch(node, dot);
      default:
        return node satisfies never;
    }
  }

  #branch(node: Branch, dot: Value): Left {
    const mark = this.#scope.mark();
    const value = evaluate(this.#scope, dot, node.pipe);
    let left: Left;
    if (node.kind === "range") left = this.#range(node, dot, value);
    else if (isTrue(value)) left = this.list(node.list, node.kind === "with" ? value : dot);
    else left = this.list(node.otherwise, dot);
    this.#scope.leave(mark);
    return left;
  }

  #range(node: Branch, dot: Value, over: Value): Left {
    const { pipe } = node;
    const items = this.#scope.source.guard(pipe, () => itemsOf(over, pipe.variables.length));
    const mark = this.#scope.mark();
    let isEmpty = true;
    for (const [index, element] of items) {
      isEmpty = false;
      this.#scope.source.guard(pipe, () => this.#scope.budget.step());
      this.#setVariables(node, index, element);
      const left = this.list(node.list, element);
      this.#scope.leave(mark);
      if (left === "break") return undefined;
    }
    return isEmpty ? this.list(node.otherwise, dot) : undefined;
  }

  /** The first is the element where there is no second one. The pipeline has declared both. */
  #setVariables({ pipe }: Branch, index: Value, element: Value): void {
    const [first, second] = pipe.variables;
    if (first !== undefined) this.#scope.assign(first, second === undefined ? element : index, pipe);
    if (second !== undefined) this.#scope.assign(second, element, pipe);
  }
}

/** What a range goes through: a list, a map by key, or the numbers below a number. */
function itemsOf(value: Value, variables: number): Iterable<readonly [Value, Value]> {
  if (value === undefined) return [];
  if (isList(value)) return value.entries();
  if (isTexts(value)) return sortedEntries(value);
  if (value instanceof NamedNumber) throw new UnsupportedError(`range over a ${value.type}`);
  const limit = typeof value === "number" ? value : undefined;
  if (limit === undefined) throw new ValueError(`range can't iterate over ${show(value)}`);
  if (variables > 1) throw new ValueError(`can't use ${limit} to iterate over more than one variable`);
  return numbersBelow(limit);
}

function* numbersBelow(limit: number): Generator<readonly [Value, Value]> {
  for (let number = 0; number < limit; number++) yield [undefined, number];
}
