import type { Flag } from "./flags.ts";
import { goBool, goFloat, goInt, type GoParsed } from "../../go/flag-values.ts";

export type FlagValue = string | number | boolean;

/** Flags by name, only those that were given. */
export type FlagValues = ReadonlyMap<string, FlagValue>;

export interface ParsedFlags {
  readonly values: FlagValues;
  /** What is no flag: up to the command, which keeps the rest of the line. */
  readonly rest: readonly string[];
  /** Set when the line is wrong from there on. */
  readonly error: string | undefined;
}

/**
 * Reads flags as the original's library (urfave/cli v3) does: one dash or two, `--flag value` or
 * `--flag=value`, a flag of type bool takes a value only after `=`, `--` ends the flags, and words
 * between them are kept. `isCommand` says which word begins another command: it takes all that
 * follows.
 */
export function parseFlags(
  args: readonly string[],
  flags: readonly Flag[],
  isCommand: (word: string) => boolean,
): ParsedFlags {
  const values = new Map<string, FlagValue>();
  const rest: string[] = [];
  const done = (error?: string, tail: readonly string[] = []): ParsedFlags => ({
    values,
    rest: [...rest, ...tail],
    error,
  });
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const word = arg.trim();
    if (word === "--") return done(undefined, args.slice(at + 1));
    if (word === "-") return done(undefined, [word]);
    if (!word.startsWith("-")) {
      if (isCommand(word)) return done(undefined, args.slice(at));
      rest.push(arg);
      continue;
    }
    const double = word.startsWith("--");
    if (!double && !/^\p{L}/u.test(word.slice(1))) return done(undefined, args.slice(at));
    const { name, value, hasValue } = cut(word.slice(double ? 2 : 1));
    const flag = flags.find((one) => one.name === name || one.alias === name);
    if (flag === undefined) return done(`flag provided but not defined: -${name}`);
    let text = value;
    if (flag.type === "bool") {
      if (text === "") text = "true";
    } else if (!hasValue) {
      const next = args[++at];
      if (next === undefined) return done(`flag needs an argument: ${word}`);
      text = next;
    }
    const parsed = readValue(flag, text);
    if ("why" in parsed) return done(`invalid value ${JSON.stringify(text)} for flag -${name}: ${parsed.why}`);
    values.set(flag.name, parsed.value);
  }
  return done();
}

/**
 * The flags' values from the environment, where the line gives none. An empty variable is a value
 * for a string, false for a bool, and nothing for a number.
 */
export function fromEnvironment(
  flags: readonly Flag[],
  env: Readonly<Record<string, string | undefined>>,
  given: FlagValues,
): { readonly values: FlagValues; readonly error: string | undefined } {
  const values = new Map(given);
  for (const flag of flags) {
    const text = flag.env === undefined || values.has(flag.name) ? undefined : env[flag.env];
    if (text === undefined) continue;
    if (text === "" && (flag.type === "int" || flag.type === "float")) continue;
    const parsed = text === "" && flag.type === "bool" ? { value: false } : readValue(flag, text);
    if ("why" in parsed) {
      const source = `environment variable ${JSON.stringify(flag.env)}`;
      const error = `could not parse ${JSON.stringify(text)} as ${GO_TYPE[flag.type]} value from ${source} for flag ${flag.name}: ${parsed.why}`;
      return { values, error };
    }
    values.set(flag.name, parsed.value);
  }
  return { values, error: undefined };
}

const GO_TYPE = { string: "string", bool: "bool", int: "int", float: "float64" } as const;

function readValue(flag: Flag, text: string): GoParsed<FlagValue> {
  switch (flag.type) {
    case "string":
      return { value: text };
    case "bool":
      return goBool(text);
    case "int":
      return goInt(text);
    case "float":
      return goFloat(text);
    default:
      return flag.type satisfies never;
  }
}

function cut(text: string): { readonly name: string; readonly value: string; readonly hasValue: boolean } {
  const equals = text.indexOf("=");
  if (equals < 0) return { name: text, value: "", hasValue: false };
  return { name: text.slice(0, equals), value: text.slice(equals + 1), hasValue: true };
}
