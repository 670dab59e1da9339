import { parseGoBool } from "./bool.ts";

/**
 * A value of the command line or the environment, read as Go's strconv reads it; `why` is Go's
 * text.
 */
export type GoParsed<T> = { readonly value: T } | { readonly why: string };

export function goBool(text: string): GoParsed<boolean> {
  const value = parseGoBool(text);
  return value === undefined ? { why: "parse error" } : { value };
}

/** Decimal only. Go also reads a leading zero (octal), 0x, 0o, 0b and underscores. */
const WHOLE = /^[+-]?(?:0|[1-9]\d*)$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

export function goInt(text: string): GoParsed<number> {
  if (!WHOLE.test(text)) return failure("ParseInt", text, "invalid syntax");
  const value = Number(text);
  return Number.isSafeInteger(value) ? { value } : failure("ParseInt", text, "value out of range");
}

export function goFloat(text: string): GoParsed<number> {
  if (!DECIMAL.test(text)) return failure("ParseFloat", text, "invalid syntax");
  const value = Number(text);
  return Number.isFinite(value) ? { value } : failure("ParseFloat", text, "value out of range");
}

function failure(call: string, text: string, why: string): { readonly why: string } {
  return { why: `strconv.${call}: parsing ${JSON.stringify(text)}: ${why}` };
}
