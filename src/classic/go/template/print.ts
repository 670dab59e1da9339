import { UnsupportedError } from "./error.ts";
import { asciiOnly, isList, isTexts, NamedNumber, numberIn, sortedEntries, typeName, type Value } from "./values.ts";

/** A value as {{ }}, print and %v show it. `nothing` stands for what is not there. */
export function show(value: Value, nothing = "<nil>"): string {
  if (value === undefined) return nothing;
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "number") return String(value);
  if (value instanceof NamedNumber) return value.name;
  if (isTexts(value))
    return `map[${sortedEntries(value)
      .map((entry) => entry.join(":"))
      .join(" ")}]`;
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

/** A piece of a format: text, or a verb. */
type Piece = string | Verb;

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
const VERB = /%(?:%|(?<left>-?)(?<zeros>0?)(?<width>\d*)(?:\.(?<precision>\d+))?(?<verb>[sqdv])|[^%A-Za-z]*[A-Za-z]?)/g;

/**
 * Reads the format of a printf: %s %q %d %v and %%, with a width, - for the left, zeros before a
 * number and a precision of %s. Throws UnsupportedError for everything else.
 */
export function parseFormat(format: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const found of format.matchAll(VERB)) {
    const { left = "", zeros = "", width = "", precision, verb } = found.groups ?? {};
    pieces.push(format.slice(end, found.index));
    end = found.index + found[0].length;
    if (found[0] === "%%") {
      pieces.push("%");
      continue;
    }
    const piece = {
      spec: found[0],
      verb: verb ?? "",
      left: left !== "",
      zeros: zeros !== "",
      width: Number(width),
      precision: precision === undefined ? undefined : Number(precision),
    };
    const isOdd =
      verb === undefined ||
      piece.width > MAX_WIDTH ||
      (piece.zeros && (piece.left || verb !== "d")) ||
      (piece.precision !== undefined && verb !== "s");
    if (isOdd) throw new UnsupportedError(`printf with ${JSON.stringify(found[0])}`);
    pieces.push(piece);
  }
  pieces.push(format.slice(end));
  return pieces;
}

/** Throws UnsupportedError where a format does not have one verb for each argument. */
export function checkFormat(format: string, args: number): void {
  const verbs = parseFormat(format).filter((piece) => typeof piece !== "string").length;
  if (verbs !== args) throw new UnsupportedError(`printf with ${verbs} verbs for ${args} arguments`);
}

/** printf. */
export function sprintf(format: string, args: readonly Value[]): string {
  let next = 0;
  return parseFormat(format)
    .map((piece) => (typeof piece === "string" ? piece : render(piece, args[next++])))
    .join("");
}

function render(verb: Verb, value: Value): string {
  const isPlain = verb.width === 0 && verb.precision === undefined;
  const text =
    verb.verb === "s"
      ? truncate(textOf(verb, value), verb)
      : verb.verb === "q"
        ? quote(textFor(verb, value))
        : verb.verb === "d"
          ? digits(verb, value)
          : show(value);
  // In a map or a list, Go gives each entry the width.
  if (!isPlain && (isTexts(value) || isList(value))) throw mismatch(verb, value);
  return pad(text, verb);
}

function textOf(verb: Verb, value: Value): string {
  if (value === undefined || typeof value === "number" || typeof value === "boolean") throw mismatch(verb, value);
  return show(value);
}

function textFor(verb: Verb, value: Value): string {
  if (typeof value !== "string") throw mismatch(verb, value);
  return value;
}

function digits(verb: Verb, value: Value): string {
  const number = numberIn(value);
  if (number === undefined) throw mismatch(verb, value);
  if (!verb.zeros) return String(number);
  const sign = number < 0 ? "-" : "";
  return sign + String(Math.abs(number)).padStart(verb.width - sign.length, "0");
}

function mismatch(verb: Verb, value: Value): UnsupportedError {
  return new UnsupportedError(
    `printf of ${value === undefined ? "nil" : `a ${typeName(value)}`} with ${JSON.stringify(verb.spec)}`,
  );
}

function truncate(text: string, { precision }: Verb): string {
  return precision === undefined ? text : Array.from(text).slice(0, precision).join("");
}

function pad(text: string, { width, left }: Verb): string {
  const missing = " ".repeat(Math.max(0, width - Array.from(text).length));
  return left ? text + missing : missing + text;
}

const SHORT = new Map([
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
  ['"', '\\"'],
]);

/** Text in quotes as Go writes it. */
export function quote(text: string): string {
  const inner = asciiOnly(text, "%q").replace(/[\p{Cc}"\\]/gu, (char) => {
    return SHORT.get(char) ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${inner}"`;
}
