// Label selectors: the text of `?labelSelector=` and the object of a spec (`matchLabels`, `matchExpressions`).
import type { LabelSelector } from "kubernetes-types/meta/v1.js";
import { badRequest } from "./failure.ts";

export type Labels = Readonly<Record<string, string>>;

/** Decides about one object's labels. */
export type LabelTest = (labels: Labels) => boolean;

const SYNTAX = "unable to parse requirement";
const KEY = /^([a-z0-9A-Z][-a-z0-9A-Z_.]*\/)?[a-z0-9A-Z]([-a-z0-9A-Z_.]*[a-z0-9A-Z])?$/;
const VALUE = /^([a-z0-9A-Z]([-a-z0-9A-Z_.]*[a-z0-9A-Z])?)?$/;

/** Reads `a=b,c!=d,e in (f,g),h,!i`. Throws a 400. */
export function parseLabelSelector(text: string): LabelTest {
  const tests = splitRequirements(text).map(parseRequirement);
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

/** At commas, but not at those between brackets. */
function splitRequirements(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index <= text.length; index++) {
    const char = text[index];
    if (char === "(") depth++;
    else if (char === ")") depth--;
    else if (char === undefined || (char === "," && depth === 0)) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  if (parts.length === 1 && parts[0] === "") return [];
  return parts;
}

function parseRequirement(text: string): LabelTest {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = "", operator = "", values = ""] = set;
    return checked(
      key,
      operator === "in" ? "In" : "NotIn",
      values.split(",").map((value) => value.trim()),
    );
  }
  const absent = /^!\s*(\S+)$/.exec(text);
  if (absent?.[1] !== undefined) return checked(absent[1], "DoesNotExist", []);
  const equal = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(text);
  if (equal !== null) {
    const [, key = "", operator = "", value = ""] = equal;
    return checked(key, operator === "!=" ? "NotIn" : "In", [value]);
  }
  if (/^[^=!()\s,]+$/.test(text)) return checked(text, "Exists", []);
  throw badRequest(`${SYNTAX}: found '${text}', expected: !, identifier, or ','`);
}

function checked(key: string, operator: string, values: readonly string[]): LabelTest {
  if (!KEY.test(key)) {
    throw badRequest(
      `${SYNTAX}: <nil>: Invalid value: ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    );
  }
  for (const value of values) {
    if (value.length <= 63 && VALUE.test(value)) continue;
    throw badRequest(
      `${SYNTAX}: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
    );
  }
  return requirement(key, operator, values);
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
    default:
      return () => false;
  }
}
