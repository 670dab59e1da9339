import type { NumberNode, OperandNode } from "../parse/nodes.ts";
import { source } from "../parse/source.ts";
import { canBeNil } from "../values/reflection.ts";
import { ANY, type GoType, REFLECT_VALUE } from "../values/types.ts";
import { bool, complex, float, type GoValue, int, type Maybe, pointer, string, zero } from "../values/values.ts";
import type { Scope } from "./scope.ts";

/** Checks that a value can be handed to a parameter, following one pointer or taking one address if that helps. */
export function checkArgument(scope: Scope, value: Maybe<GoValue>, type: GoType): Maybe<GoValue> {
  if (type === REFLECT_VALUE || type === ANY) return value;
  if (value === undefined) return canBeNil(type) ? zero(type) : scope.fail(`invalid value; expected ${type.name}`);
  const given = value.kind === "interface" && value.inner !== null ? value.inner : value;
  if (given.type === type) return given;
  if (given.kind === "pointer" && given.type.element === type) {
    return given.target ?? scope.fail(`dereference of nil pointer of type ${type.name}`);
  }
  if (given.type.pointer === type && given.addressable) return pointer(type, given);
  return scope.fail(`wrong type for value; expected ${type.name}; got ${given.type.name}`);
}

/** nil as an argument. */
export function nilArgument(scope: Scope, type: GoType): Maybe<GoValue> {
  if (type === REFLECT_VALUE || type === ANY) return undefined;
  return canBeNil(type) ? zero(type) : scope.fail(`cannot assign nil to ${type.name}`);
}

/** A constant as an argument of a certain type. */
export function constantArgument(scope: Scope, type: GoType, node: OperandNode): Maybe<GoValue> {
  const refuse = (wanted: string): never => scope.fail(`expected ${wanted}; found ${source(node)}`);
  switch (type.kind) {
    case "bool":
      return node.kind === "bool" ? { ...bool(node.value), type } : refuse("bool");
    case "string":
      return node.kind === "string" ? string(node.value, type) : refuse("string");
    case "int":
      return node.kind === "number" && node.int !== undefined ? int(node.int, type) : refuse("integer");
    case "uint":
      return node.kind === "number" && node.uint !== undefined
        ? { kind: "uint", type, value: node.uint, addressable: false }
        : refuse("unsigned integer");
    case "float":
      return node.kind === "number" && node.float !== undefined ? float(node.float) : refuse("float");
    case "complex":
      return node.kind === "number" && node.complex !== undefined
        ? complex(node.complex.re, node.complex.im)
        : refuse("complex");
    case "interface":
    case "map":
    case "pointer":
    case "slice":
    case "struct":
      return scope.fail(`can't handle ${source(node)} for arg of type ${type.name}`);
  }
}

/** A number where nothing says what type it should have: its notation decides. */
export function untypedNumber(scope: Scope, node: NumberNode): Maybe<GoValue> {
  scope.at(node);
  if (node.complex !== undefined) return complex(node.complex.re, node.complex.im);
  const isHexadecimal = /^0[xX]./.test(node.text) && !/[pP]/.test(node.text);
  const looksFloat = !isHexadecimal && !node.text.startsWith("'") && /[.eEpP]/.test(node.text);
  if (node.float !== undefined && looksFloat) return float(node.float);
  if (node.int !== undefined) return int(node.int);
  if (node.uint !== undefined) return scope.fail(`${node.text} overflows int`);
  return undefined;
}
