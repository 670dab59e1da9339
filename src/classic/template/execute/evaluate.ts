import type { Bytes } from "../bytes/utf8.ts";
import { GoError } from "../error.ts";
import { asAny, failToCall, PREDEFINED } from "../functions/predefined.ts";
import type {
  CommandNode,
  IdentifierNode,
  OperandNode,
  PipeNode,
  VariableNode,
  ChainNode,
  AnyNode,
} from "../parse/nodes.ts";
import { source } from "../parse/source.ts";
import { quote } from "../strconv/quote.ts";
import { concrete, indirect, isTrue } from "../values/reflection.ts";
import { ANY, ERROR, findMethod, type GoMethod, type GoType, REFLECT_VALUE } from "../values/types.ts";
import { bool, type GoValue, type Maybe, string } from "../values/values.ts";
import { checkArgument, constantArgument, nilArgument, untypedNumber } from "./arguments.ts";
import { fieldOrEntry } from "./field.ts";
import type { Scope } from "./scope.ts";

/** What the command before this one in a pipeline gave; undefined for the first. */
type Piped = { readonly value: Maybe<GoValue> } | undefined;

interface Callee {
  readonly name: Bytes;
  readonly params: readonly GoType[];
  readonly more?: GoType | undefined;
  readonly results: readonly GoType[];
  readonly call: (args: readonly Maybe<GoValue>[]) => Maybe<GoValue>;
}

/** The value of a pipeline. Declared variables stay on the stack; the caller pops them when their block ends. */
export function evaluatePipe(scope: Scope, dot: Maybe<GoValue>, pipe: PipeNode | undefined): Maybe<GoValue> {
  if (pipe === undefined) return undefined;
  scope.at(pipe);
  let piped: Piped;
  for (const command of pipe.commands) {
    scope.guard(() => scope.budget.step());
    const value = evaluateCommand(scope, dot, command, piped);
    piped = { value: value?.type === ANY ? concrete(value) : value };
  }
  for (const variable of pipe.variables) {
    const [name = ""] = variable.names;
    if (pipe.assigns) scope.assign(name, piped?.value);
    else scope.push(name, piped?.value);
  }
  return piped?.value;
}

function evaluateCommand(scope: Scope, dot: Maybe<GoValue>, command: CommandNode, piped: Piped): Maybe<GoValue> {
  const [first, ...args] = command.words;
  if (first === undefined) return undefined;
  switch (first.kind) {
    case "field":
      scope.at(first);
      return fields(scope, dot, dot, first, first.names, args, piped);
    case "chain":
      return chain(scope, dot, first, args, piped);
    case "identifier":
      return callFunction(scope, dot, first, command, args, piped);
    case "variable":
      return variable(scope, dot, first, args, piped);
    case "pipe":
      refuseArguments(scope, first, args, piped);
      return evaluatePipe(scope, dot, first);
    case "bool":
    case "dot":
    case "nil":
    case "number":
    case "string":
      scope.at(first);
      refuseArguments(scope, first, args, piped);
      return constant(scope, dot, first);
  }
}

function constant(
  scope: Scope,
  dot: Maybe<GoValue>,
  node: Extract<OperandNode, { readonly kind: "bool" | "dot" | "nil" | "number" | "string" }>,
): Maybe<GoValue> {
  switch (node.kind) {
    case "bool":
      return bool(node.value);
    case "dot":
      return dot;
    case "nil":
      return scope.fail("nil is not a command");
    case "number":
      return untypedNumber(scope, node);
    case "string":
      return string(node.value);
    default:
      return node satisfies never;
  }
}

function refuseArguments(scope: Scope, node: OperandNode, args: readonly OperandNode[], piped: Piped): void {
  if (args.length === 0 && piped === undefined) return;
  scope.fail(`can't give argument to non-function ${source(node)}`);
}

function variable(
  scope: Scope,
  dot: Maybe<GoValue>,
  node: VariableNode,
  args: readonly OperandNode[],
  piped: Piped,
): Maybe<GoValue> {
  scope.at(node);
  const [name = "", ...names] = node.names;
  const value = scope.get(name);
  if (names.length > 0) return fields(scope, dot, value, node, names, args, piped);
  refuseArguments(scope, node, args, piped);
  return value;
}

function chain(
  scope: Scope,
  dot: Maybe<GoValue>,
  node: ChainNode,
  args: readonly OperandNode[],
  piped: Piped,
): Maybe<GoValue> {
  scope.at(node);
  const start = evaluateArgument(scope, dot, REFLECT_VALUE, node.operand);
  return fields(scope, dot, start, node, node.names, args, piped);
}

/** start.A.B.C, where the last may be a method that takes the arguments. */
function fields(
  scope: Scope,
  dot: Maybe<GoValue>,
  start: Maybe<GoValue>,
  node: AnyNode,
  names: readonly Bytes[],
  args: readonly OperandNode[],
  piped: Piped,
): Maybe<GoValue> {
  let at = start;
  for (const name of names.slice(0, -1)) at = field(scope, dot, at, name, node, [], undefined);
  return field(scope, dot, at, names.at(-1) ?? "", node, args, piped);
}

function field(
  scope: Scope,
  dot: Maybe<GoValue>,
  receiver: Maybe<GoValue>,
  name: Bytes,
  node: AnyNode,
  args: readonly OperandNode[],
  piped: Piped,
): Maybe<GoValue> {
  if (receiver === undefined) {
    if (scope.missingKey === "error") scope.fail(`nil data; no entry for key ${quote(name)}`);
    return undefined;
  }
  const { value, isNil } = indirect(receiver);
  if (value.kind === "interface" && isNil) scope.fail(`nil pointer evaluating ${receiver.type.name}.${name}`);
  const held = receiver.kind === "pointer" ? { ...value, addressable: true } : value;
  const method = findMethod(isNil ? value : held, name);
  if (method !== undefined) return callMethod(scope, dot, held, name, method, node, args, piped);
  return fieldOrEntry(scope, receiver, name, args.length > 0 || piped !== undefined);
}

function callMethod(
  scope: Scope,
  dot: Maybe<GoValue>,
  receiver: GoValue,
  name: Bytes,
  method: GoMethod,
  node: AnyNode,
  args: readonly OperandNode[],
  piped: Piped,
): Maybe<GoValue> {
  const call = (given: readonly Maybe<GoValue>[]): Maybe<GoValue> =>
    method.call(
      receiver,
      given.filter((arg) => arg !== undefined),
    );
  return invoke(scope, dot, { name, params: method.params, results: method.results, call }, node, args, piped);
}

function callFunction(
  scope: Scope,
  dot: Maybe<GoValue>,
  node: IdentifierNode,
  command: AnyNode,
  args: readonly OperandNode[],
  piped: Piped,
): Maybe<GoValue> {
  scope.at(node);
  const { name } = node;
  const known = PREDEFINED.get(name) ?? scope.fail(`${quote(name)} is not a defined function`);
  const callee: Callee = {
    name,
    params: known.params,
    more: known.more,
    results: [ANY],
    call: (given) => known.call(given, scope.budget),
  };
  if (name === "and" || name === "or") {
    checkCount(scope, callee, args, piped);
    return shortCircuit(scope, dot, name, args, piped);
  }
  if (name !== "call") return invoke(scope, dot, callee, command, args, piped);
  const [fn] = args;
  const shown = fn === undefined ? reflectString(piped?.value) : source(fn);
  return invoke(scope, dot, { ...callee, call: ([given]) => failToCall(shown, given) }, command, args, piped);
}

/** reflect.Value.String */
function reflectString(value: Maybe<GoValue>): Bytes {
  if (value === undefined) return "<invalid Value>";
  return value.kind === "string" ? value.value : `<${value.type.name} Value>`;
}

/** and stops at the first argument that is false, or at the first that is true: later ones are not evaluated. */
function shortCircuit(
  scope: Scope,
  dot: Maybe<GoValue>,
  name: "and" | "or",
  args: readonly OperandNode[],
  piped: Piped,
): Maybe<GoValue> {
  let value: Maybe<GoValue>;
  for (const arg of args) {
    value = evaluateArgument(scope, dot, REFLECT_VALUE, arg);
    if (isTrue(concrete(value)) === (name === "or")) return value;
  }
  return piped === undefined ? value : piped.value;
}

function checkCount(scope: Scope, callee: Callee, args: readonly OperandNode[], piped: Piped): void {
  const count = args.length + (piped === undefined ? 0 : 1);
  const { name, params, more } = callee;
  if (more !== undefined && count < params.length) {
    scope.fail(`wrong number of args for ${name}: want at least ${params.length} got ${args.length}`);
  }
  if (more === undefined && count !== params.length) {
    scope.fail(`wrong number of args for ${name}: want ${params.length} got ${count}`);
  }
}

/** Evaluates the arguments for a function's or method's parameters and calls it. Errors of the call name `node`. */
function invoke(
  scope: Scope,
  dot: Maybe<GoValue>,
  callee: Callee,
  node: AnyNode,
  args: readonly OperandNode[],
  piped: Piped,
): Maybe<GoValue> {
  checkCount(scope, callee, args, piped);
  checkResults(scope, callee);
  const { name, params, more } = callee;
  const typeOf = (index: number): GoType => params[index] ?? more ?? ANY;
  const given = args.map((arg, index) => convert(evaluateArgument(scope, dot, typeOf(index), arg), typeOf(index)));
  if (piped !== undefined) {
    const type = typeOf(args.length);
    given.push(convert(checkArgument(scope, piped.value, type), type));
  }
  try {
    return callee.call(given);
  } catch (error) {
    if (!(error instanceof GoError)) throw error;
    scope.at(node);
    return scope.fail(`error calling ${name}: ${error.message}`);
  }
}

function convert(value: Maybe<GoValue>, type: GoType): Maybe<GoValue> {
  return type === ANY ? asAny(value) : value;
}

/** Only what returns one value, or one and an error, can be called. */
function checkResults(scope: Scope, { name, results }: Callee): void {
  const [, second] = results;
  if (results.length === 1 || (results.length === 2 && second === ERROR)) return;
  if (results.length === 2) {
    scope.fail(`invalid function signature for ${name}: second return value should be error; is ${second?.name ?? ""}`);
  }
  scope.fail(`function ${name} has ${results.length} return values; should be 1 or 2`);
}

function evaluateArgument(scope: Scope, dot: Maybe<GoValue>, type: GoType, node: OperandNode): Maybe<GoValue> {
  scope.at(node);
  switch (node.kind) {
    case "dot":
      return checkArgument(scope, dot, type);
    case "nil":
      return nilArgument(scope, type);
    case "field":
      return checkArgument(scope, fields(scope, dot, dot, node, node.names, [], undefined), type);
    case "variable":
      return checkArgument(scope, variable(scope, dot, node, [], undefined), type);
    case "pipe":
      return checkArgument(scope, evaluatePipe(scope, dot, node), type);
    case "identifier":
      return checkArgument(scope, callFunction(scope, dot, node, node, [], undefined), type);
    case "chain":
      return checkArgument(scope, chain(scope, dot, node, [], undefined), type);
    case "bool":
    case "number":
    case "string":
      if (type !== REFLECT_VALUE && type !== ANY) return constantArgument(scope, type, node);
      return constant(scope, dot, node);
  }
}
