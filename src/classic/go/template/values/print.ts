import { UnsupportedError } from "../error.ts";
import { ESCAPED } from "../syntax/unquote.ts";
import { asciiOnly, isList, isTexts, NamedNumber, numberIn, sortedEntries, typeName, type Value } from "./values.ts";

/** A value as {{ }}, print and %v show it. `nothing` stands for what is not there. */
export function show(value: Value, nothing = "<nil>"): string {
  if (value === undefined) return nothing;
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "number") return String(value);
  if (value instanceof NamedNumber) return value.name;
  if (isTexts(value)) {
    const entries = sortedEntries(value).map((entry) => entry.join(":"));
    return `map[${entries.join(" ")}]`;
  }
  if (isList(value)) return `[${value.join(" ")}]`;
  if (value.text === undefined) throw new UnsupportedError(`printing a whole ${value.type}`);
  return value.text;
}

/** print: a space between two operands when neither is a string. */
export function sprint(values: readonly Value[]): string {
  return values
    .map((value, index) => {
      const before = values[index - 1];
      const spaced = index > 0 && typeof value !== "string" && typeof before !== "string";
      return (spaced ? " " : "") + show(value);
    })
    .join("");
}

interface Verb {
  readonly spec: string;
  readonly verb: string;
  readonly left: boolean;
  readonly zeros: boolean;
  readonly width: number;
  /** How many characters of a text to keep. */
  readonly precision: number | undefined;
}

const MAX_WIDTH = 1000;
const VERB =
  /%(?:%|(?:(?<left>-)|(?<zeros>0)(?=\d*d))?(?<width>(?:[1-9]\d*)?)(?<verb>[qdv]|(?:\.(?<precision>\d+))?s)|[^%A-Za-z]*[A-Za-z]?)/g;

/**
 * The verbs of a format: %s %q %d %v, with a width, - for the left, zeros before a number and a
 * precision of %s. Throws UnsupportedError for everything else.
 */
function verbsOf(format: string): Verb[] {
  const all = [...format.matchAll(VERB)].filter(([spec]) => spec !== "%%");
  return all.map(({ 0: spec, groups = {} }) => {
    const { verb, width, precision } = groups;
    if (verb === undefined || Number(width) > MAX_WIDTH)
      throw new UnsupportedError(`printf with ${JSON.stringify(spec)}`);
    const kept = precision === undefined ? undefined : Number(precision);
    const [left, zeros] = [groups["left"] !== undefined, groups["zeros"] !== undefined];
    return { spec, verb: verb.slice(-1), left, zeros, width: Number(width), precision: kept };
  });
}

/** Throws UnsupportedError where a format does not have one verb for each argument. */
export function checkFormat(format: string, args: number): void {
  const verbs = verbsOf(format).length;
  if (verbs !== args) throw new UnsupportedError(`printf with ${verbs} verbs for ${args} arguments`);
}

/** printf. */
export function sprintf(format: string, args: readonly Value[]): string {
  const texts = verbsOf(format).map((verb, index) => render(verb, args[index]));
  return format.replace(VERB, (spec) => (spec === "%%" ? "%" : (texts.shift() ?? "")));
}

function render(verb: Verb, value: Value): string {
  if (!fits(verb, value)) {
    const what = value === undefined ? "nil" : `a ${typeName(value)}`;
    throw new UnsupportedError(`printf of ${what} with ${JSON.stringify(verb.spec)}`);
  }
  const number = verb.verb === "d" ? numberIn(value) : undefined;
  const plain = number === undefined ? show(value) : digits(number, verb);
  const characters = Array.from(verb.verb === "q" ? quote(plain) : plain).slice(0, verb.precision);
  const missing = " ".repeat(Math.max(0, verb.width - characters.length));
  return verb.left ? characters.join("") + missing : missing + characters.join("");
}

/** Go writes a complaint into the text, such as %!d(string=a), where it does not. */
function fits({ verb, width, precision }: Verb, value: Value): boolean {
  // In a map or a list, Go gives each entry the width.
  if ((isTexts(value) || isList(value)) && (width > 0 || precision !== undefined)) return false;
  if (verb === "d") return numberIn(value) !== undefined;
  if (verb === "q") return typeof value === "string";
  return verb === "v" || !["undefined", "number", "boolean"].includes(typeof value);
}

function digits(number: number, { zeros, width }: Verb): string {
  const sign = number < 0 ? "-" : "";
  return sign + String(Math.abs(number)).padStart(zeros ? width - sign.length : 0, "0");
}

/** Text in quotes as Go writes it. */
export function quote(text: string): string {
  const inner = asciiOnly(text, "%q").replace(/[\p{Cc}"\\]/gu, (char) => {
    return ESCAPED.get(char) ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${inner}"`;
}
