import { FUNCTIONS } from "./functions.ts";
import type { Command, Operand, Path, Pipeline } from "./syntax/nodes.ts";
import type { Scope } from "./scope.ts";
import type { Span } from "./syntax/source.ts";
import { isList, isTexts, isTrue, NamedNumber, typeName, type Value } from "./values/values.ts";

/** What the command before this one gave; undefined for the first. */
type Piped = { readonly value: Value } | undefined;

/** What a command hands to its first word. */
interface Given {
  readonly args: readonly Operand[];
  readonly piped: Piped;
}

const NOTHING: Given = { args: [], piped: undefined };

/** The value of a pipeline. What it declares stays until the caller leaves the block. */
export function evaluate(scope: Scope, dot: Value, pipe: Pipeline): Value {
  let piped: Piped;
  for (const command of pipe.commands) {
    scope.source.guard(command, () => scope.budget.step());
    piped = { value: run(scope, dot, command, piped) };
  }
  for (const name of pipe.variables) {
    if (pipe.assigns) scope.assign(name, piped?.value, pipe);
    else scope.declare(name, piped?.value);
  }
  return piped?.value;
}

function run(scope: Scope, dot: Value, command: Command, piped: Piped): Value {
  const { first, args } = command;
  const given = { args, piped };
  if (first.kind === "function") return call(scope, dot, first.name, command, given);
  if (first.kind === "path" && first.names.length > 0) return path(scope, dot, first, given);
  if (args.length > 0 || piped !== undefined) {
    scope.source.fail(first, `can't give argument to non-function ${first.text}`);
  }
  if (first.kind === "nil") return scope.source.fail(first, "nil is not a command");
  return operand(scope, dot, first);
}

function operand(scope: Scope, dot: Value, node: Operand): Value {
  switch (node.kind) {
    case "constant":
      return node.value;
    case "nil":
      return undefined;
    case "path":
      return path(scope, dot, node, NOTHING);
    case "function":
      return call(scope, dot, node.name, node, NOTHING);
    case "pipe":
      return evaluate(scope, dot, node);
    default:
      return node satisfies never;
  }
}

/** start.A.B.C, where the last may be a method that takes the argument. */
function path(scope: Scope, dot: Value, node: Path, given: Given): Value {
  const { start, names } = node;
  let at = start === "." ? dot : "variable" in start ? scope.get(start.variable, node) : operand(scope, dot, start);
  for (const [index, name] of names.entries()) {
    at = field(scope, dot, at, name, node, index === names.length - 1 ? given : NOTHING);
  }
  return at;
}

function field(scope: Scope, dot: Value, receiver: Value, name: string, node: Path, given: Given): Value {
  const { source, missingKey } = scope;
  const hasArguments = given.args.length > 0 || given.piped !== undefined;
  if (receiver === undefined) {
    if (missingKey === "error") source.fail(node, `nil data; no entry for key "${name}"`);
    return undefined;
  }
  if (isTexts(receiver)) {
    if (hasArguments) source.fail(node, `${name} is not a method but has arguments`);
    if (missingKey === "error" && !receiver.has(name)) source.fail(node, `map has no entry for key "${name}"`);
    return receiver.get(name);
  }
  const hasFields = typeof receiver === "object" && !isList(receiver) && !(receiver instanceof NamedNumber);
  const found = hasFields ? source.guard(node, () => receiver.get(name)) : undefined;
  if (found === undefined) return source.fail(node, `can't evaluate field ${name} in type ${typeName(receiver)}`);
  if ("method" in found) {
    const [text, ...others] = argumentsOf(scope, dot, given);
    if (typeof text !== "string" || others.length > 0) return source.fail(node, `${name} takes one text`);
    return source.guard(node, () => found.method(text));
  }
  if (hasArguments) source.fail(node, `${name} has arguments but cannot be invoked as function`);
  return found.value;
}

function argumentsOf(scope: Scope, dot: Value, { args, piped }: Given): Value[] {
  const values = args.map((arg) => operand(scope, dot, arg));
  return piped === undefined ? values : [...values, piped.value];
}

function call(scope: Scope, dot: Value, name: string, node: Span, given: Given): Value {
  const { source, budget } = scope;
  const known = FUNCTIONS.get(name) ?? source.fail(node, `function "${name}" not defined`);
  const count = given.args.length + (given.piped === undefined ? 0 : 1);
  const word = { at: node.at, text: name };
  const wrong = `wrong number of args for ${name}: want`;
  if (known.most !== undefined && count !== known.most) source.fail(word, `${wrong} ${known.most} got ${count}`);
  if (count < known.least) source.fail(word, `${wrong} at least ${known.least} got ${given.args.length}`);
  if (name === "and" || name === "or") return shortCircuit(scope, dot, name, given);
  const values = argumentsOf(scope, dot, given);
  return source.guard(node, () => known.call(values, budget), `error calling ${name}: `);
}

/** `and` stops at the first argument that is false, `or` at the first that is true. */
function shortCircuit(scope: Scope, dot: Value, name: "and" | "or", { args, piped }: Given): Value {
  let value: Value;
  for (const arg of args) {
    value = operand(scope, dot, arg);
    if (isTrue(value) === (name === "or")) return value;
  }
  return piped === undefined ? value : piped.value;
}
