import type { Bytes } from "../bytes/utf8.ts";
import { entry, findField, hasField, indirect } from "../values/reflection.ts";
import { type GoType } from "../values/types.ts";
import { type GoValue, type Maybe, zero } from "../values/values.ts";
import type { Scope } from "./scope.ts";

/** receiver.name where name is no method: the field of a struct or the entry of a map. */
export function fieldOrEntry(scope: Scope, receiver: GoValue, name: Bytes, hasArguments: boolean): Maybe<GoValue> {
  const { value, isNil } = indirect(receiver);
  const { type } = receiver;
  if (value.kind === "struct") {
    const found = findField(value, name);
    if (found !== undefined) {
      if (!found.isExported) scope.fail(`${name} is an unexported field of struct type ${type.name}`);
      if (hasArguments) scope.fail(`${name} has arguments but cannot be invoked as function`);
      return found.value;
    }
  } else if (value.kind === "map") {
    if (hasArguments) scope.fail(`${name} is not a method but has arguments`);
    const found = entry(value, name);
    if (found !== undefined) return found;
    if (scope.missingKey === "error") scope.fail(`map has no entry for key ${quoted(name)}`);
    return scope.missingKey === "zero" ? zero(elementOf(value.type)) : undefined;
  } else if (value.kind === "pointer" && isNil && mayHave(value.type, name)) {
    scope.fail(`nil pointer evaluating ${type.name}.${name}`);
  }
  return scope.fail(`can't evaluate field ${name} in type ${type.name}`);
}

function mayHave(type: GoType, name: Bytes): boolean {
  return type.element?.kind !== "struct" || hasField(type.element, name);
}

function elementOf(type: GoType): GoType {
  return type.element ?? type;
}

/** A name can only hold letters, digits and underscores, so there is nothing to escape. */
function quoted(name: Bytes): Bytes {
  return `"${name}"`;
}
