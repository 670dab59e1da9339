// Label selectors: the text of `?labelSelector=` and the object of a spec (`matchLabels`,
// `matchExpressions`).
import type { LabelSelector } from "kubernetes-types/meta/v1.js";
import { badRequest } from "../errors/failure.ts";
import { readRequirements, SelectorError } from "./label-parser.ts";

export type Labels = Readonly<Record<string, string>>;

/** Decides about one object's labels. */
export type LabelTest = (labels: Labels) => boolean;

/** Reads `a=b,c!=d,e in (f,g),h,!i`. Throws a 400. */
export function parseLabelSelector(text: string): LabelTest {
  let tests: LabelTest[];
  try {
    tests = readRequirements(text).map(({ key, operator, values }) => requirement(key, operator, values));
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
  return (labels) => tests.every((test) => test(labels));
}

/** The test of a selector object. Null and undefined select nothing, an empty one everything. */
export function labelTest(selector: LabelSelector | undefined | null): LabelTest {
  if (selector === undefined || selector === null) return () => false;
  const tests: LabelTest[] = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]) =>
      (labels) =>
        labels[key] === value,
  );
  for (const { key, operator, values = [] } of selector.matchExpressions ?? [])
    tests.push(requirement(key, operator, values));
  return (labels) => tests.every((test) => test(labels));
}

/** The text of a selector object: what `scale` answers. */
export function formatLabelSelector(selector: LabelSelector): string {
  const parts = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    if (operator === "Exists") parts.push(key);
    else if (operator === "DoesNotExist") parts.push(`!${key}`);
    else parts.push(`${key} ${operator.toLowerCase()} (${[...values].sort().join(",")})`);
  }
  return parts.sort().join(",");
}

function requirement(key: string, operator: string, values: readonly string[]): LabelTest {
  switch (operator) {
    case "In":
      return (labels) => Object.hasOwn(labels, key) && values.includes(labels[key] ?? "");
    case "NotIn":
      return (labels) => !Object.hasOwn(labels, key) || !values.includes(labels[key] ?? "");
    case "Exists":
      return (labels) => Object.hasOwn(labels, key);
    case "DoesNotExist":
      return (labels) => !Object.hasOwn(labels, key);
    case "Gt":
      return (labels) => compares(labels[key], values[0], (a, b) => a > b);
    case "Lt":
      return (labels) => compares(labels[key], values[0], (a, b) => a < b);
    default:
      return () => false;
  }
}

/** A label that is no whole number compares with nothing. */
function compares(label: string | undefined, value = "", holds: (a: number, b: number) => boolean): boolean {
  return label !== undefined && /^[+-]?\d+$/.test(label) && holds(Number(label), Number(value));
}
