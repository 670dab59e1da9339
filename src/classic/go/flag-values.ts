import { parseGoBool } from "./bool.ts";
import { parseFloat64, parseInt64 } from "./parse-number.ts";

/**
 * A value of the command line or the environment, read as Go's strconv reads it; `why` is Go's
 * text.
 */
export type GoParsed<T> = { readonly value: T } | { readonly why: string };

export function goBool(text: string): GoParsed<boolean> {
  const value = parseGoBool(text);
  return value === undefined ? { why: "parse error" } : { value };
}

/** 64 bits, with the prefixes 0x, 0o, 0b and 0, and underscores. */
export function goInt(text: string): GoParsed<number> {
  const value = parseInt64(text);
  return typeof value === "string" ? { why: numberError("ParseInt", text, value) } : { value: Number(value) };
}

export function goFloat(text: string): GoParsed<number> {
  const special = SPECIAL.exec(text);
  if (special !== null) {
    const magnitude = /nan/i.test(text) ? Number.NaN : Number.POSITIVE_INFINITY;
    return { value: text.startsWith("-") ? -magnitude : magnitude };
  }
  const value = parseFloat64(text);
  return typeof value === "string" ? { why: numberError("ParseFloat", text, value) } : { value };
}

const SPECIAL = /^(?:[+-]?inf(?:inity)?|nan)$/i;

function numberError(call: string, text: string, why: string): string {
  return `strconv.${call}: parsing ${JSON.stringify(text)}: ${why}`;
}
