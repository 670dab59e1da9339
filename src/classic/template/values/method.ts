import { GoError } from "../error.ts";
import { bytesOf, type GoValue, type Maybe } from "./values.ts";
import { ERROR, type GoMethod, type GoType } from "./types.ts";

/** A method that returns one value. */
export function method(
  params: readonly GoType[],
  result: GoType,
  call: (receiver: GoValue, args: readonly GoValue[]) => Maybe<GoValue>,
): GoMethod {
  return { params, results: [result], call };
}

/** A method that returns a value and perhaps an error. */
export function fallible(
  params: readonly GoType[],
  result: GoType,
  call: (receiver: GoValue, args: readonly GoValue[]) => Maybe<GoValue>,
): GoMethod {
  return { params, results: [result, ERROR], call };
}

/** A method that Go has but no template can call, because of what it returns. */
export function uncallable(params: readonly GoType[], results: readonly GoType[]): GoMethod {
  return { params, results, call: () => undefined };
}

/**
 * A method that a template could call in Go but not here: it changes the object it belongs to, or reads another's
 * encoding. Nothing a directory's name could be made of.
 */
export function refused(name: string, params: readonly GoType[], results: readonly GoType[]): GoMethod {
  return {
    params,
    results,
    call: () => {
      throw new GoError(`the method ${name} cannot be called from a pattern here`);
    },
  };
}

/** What Go says when a method needs its receiver and there is none. */
export const NIL_DEREFERENCE = "runtime error: invalid memory address or nil pointer dereference";

export function integerArgument(args: readonly Maybe<GoValue>[], index: number): bigint {
  const arg = args[index];
  return arg?.kind === "int" || arg?.kind === "uint" ? arg.value : 0n;
}

export function textArgument(args: readonly Maybe<GoValue>[], index: number): string {
  const arg = args[index];
  return arg?.kind === "string" ? arg.value : arg?.kind === "slice" ? bytesOf(arg) : "";
}
