/*
 * The CEL rules of a custom kind. The rules of the whole object are evaluated before those of its
 * spec, in order, and each violated rule is a cause in the 422. A rule with `oldSelf` is evaluated
 * only on an update.
 */
import type { CustomKind, Rule } from "../../../api/crd/custom-kind.ts";
import type { LabObject } from "../../store/object.ts";
import { compileCel } from "../cel/compile.ts";
import { CelError, truth, type Evaluate } from "../cel/operations.ts";
import type { FieldErrors } from "../errors/field-errors.ts";

/** Says which rules an object breaks. `before` is what it was; undefined for a new one. */
export type CheckRules = (object: LabObject, before: LabObject | undefined, errors: FieldErrors) => void;

/** Compiles the rules of a kind. Throws UnknownCel for one that the lab cannot evaluate. */
export function compileRules({ rules }: Pick<CustomKind, "rules">): CheckRules {
  const parts = (["object", "spec"] as const).map((of) => ({
    of,
    compiled: rules.filter((rule) => rule.of === of).map(compileRule),
  }));
  return (object, before, errors) => {
    for (const { of, compiled } of parts) {
      const self = partOf(object, of);
      const oldSelf = before === undefined ? undefined : partOf(before, of);
      if (self === undefined) continue;
      for (const check of compiled) check({ self, oldSelf }, errors);
    }
  };
}

type Names = Readonly<Record<"self" | "oldSelf", unknown>>;

const NAMES = ["self", "oldSelf"];

function compileRule({
  of,
  field,
  rule,
  message,
  messageExpression,
}: Rule): (names: Names, errors: FieldErrors) => void {
  const holds = compileCel(rule, NAMES);
  const words = messageExpression === undefined ? undefined : compileCel(messageExpression, NAMES);
  const isTransition = /\boldSelf\b/.test(rule);
  const path = `${of === "spec" ? "spec" : ""}${field}`.replace(/^\./, "");
  return (names, errors) => {
    if (isTransition && names.oldSelf === undefined) return;
    if (truth(holds(names))) return;
    errors.brokenRule(path === "" ? "<nil>" : path, textOf(words, names) ?? message);
  };
}

/** What the expression says; undefined where there is none or it has no value. */
function textOf(words: Evaluate | undefined, names: Names): string | undefined {
  try {
    const text = words?.(names);
    return typeof text === "string" ? text : undefined;
  } catch (error) {
    if (error instanceof CelError) return undefined;
    throw error;
  }
}

function partOf(object: LabObject, of: Rule["of"]): unknown {
  return of === "object" ? object : object["spec"];
}
