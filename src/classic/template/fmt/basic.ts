import { isPrintable } from "../bytes/unicode.ts";
import { type Bytes, encodeRune, firstRunes, MAX_RUNE, RUNE_ERROR, runeCount } from "../bytes/utf8.ts";
import { type FloatFormat, formatFloat } from "../strconv/format-float.ts";
import { canBackquote, quote, quoteRune } from "../strconv/quote.ts";
import type { Flags } from "./flags.ts";

// Each function here renders one basic value under the flags of its verb; which verb means what is printer.ts.

/** Fills up to the width, counted in characters. Zeros go to the left only. */
export function pad(text: Bytes, flags: Flags): Bytes {
  if (flags.width === undefined) return text;
  const missing = flags.width - runeCount(text);
  if (missing <= 0) return text;
  return flags.minus ? text + filling(missing, flags) : filling(missing, flags) + text;
}

function filling(count: number, flags: Flags): Bytes {
  return (flags.zero && !flags.minus ? "0" : " ").repeat(Math.max(0, count));
}

function padWithSpaces(text: Bytes, flags: Flags): Bytes {
  return pad(text, { ...flags, zero: false });
}

export type Base = 2 | 8 | 10 | 16;

export interface IntegerStyle {
  readonly base: Base;
  readonly upper?: boolean;
  /** 0o in front, as %O wants it. */
  readonly octalPrefix?: boolean;
}

export function formatInteger(value: bigint, style: IntegerStyle, flags: Flags): Bytes {
  const negative = value < 0n;
  const magnitude = negative ? -value : value;
  const leadsWithSign = negative || flags.plus || flags.space;
  let least = flags.precision ?? 0;
  if (flags.precision === 0 && magnitude === 0n) return " ".repeat(flags.width ?? 0);
  if (flags.precision === undefined && flags.zero && !flags.minus && flags.width !== undefined) {
    least = flags.width - (leadsWithSign ? 1 : 0);
  }
  let digits = magnitude.toString(style.base).padStart(least, "0");
  if (flags.sharp && style.base === 2) digits = `0b${digits}`;
  if (flags.sharp && style.base === 8 && !digits.startsWith("0")) digits = `0${digits}`;
  if (flags.sharp && style.base === 16) digits = `0x${digits}`;
  if (style.octalPrefix === true) digits = `0o${digits}`;
  if (style.upper === true) digits = digits.toUpperCase();
  const sign = negative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  return padWithSpaces(sign + digits, flags);
}

/** %c */
export function formatCharacter(value: bigint, flags: Flags): Bytes {
  return pad(encodeRune(asRune(value)), flags);
}

/** %q of an integer */
export function formatQuotedCharacter(value: bigint, flags: Flags): Bytes {
  return pad(quoteRune(asRune(value), flags.plus), flags);
}

/** %U */
export function formatUnicode(value: bigint, flags: Flags): Bytes {
  const code = BigInt.asUintN(64, value);
  const digits = code
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(4, flags.precision ?? 4), "0");
  const showsCharacter = flags.sharp && code <= MAX_RUNE && isPrintable(Number(code));
  return padWithSpaces(`U+${digits}${showsCharacter ? ` '${encodeRune(Number(code))}'` : ""}`, flags);
}

function asRune(value: bigint): number {
  return value < 0n || value > BigInt(MAX_RUNE) ? RUNE_ERROR : Number(value);
}

function truncate(text: Bytes, flags: Flags): Bytes {
  return flags.precision === undefined ? text : firstRunes(text, flags.precision);
}

/** %s */
export function formatString(text: Bytes, flags: Flags): Bytes {
  return pad(truncate(text, flags), flags);
}

/** %q */
export function formatQuoted(text: Bytes, flags: Flags): Bytes {
  const shown = truncate(text, flags);
  if (flags.sharp && canBackquote(shown)) return pad(`\`${shown}\``, flags);
  return pad(quote(shown, flags.plus), flags);
}

/** %x and %X of bytes */
export function formatHex(text: Bytes, upper: boolean, flags: Flags): Bytes {
  const bytes = text.slice(0, flags.precision ?? text.length);
  if (bytes === "") return filling(flags.width ?? 0, flags);
  const prefix = flags.sharp ? (upper ? "0X" : "0x") : "";
  const pairs = Array.from(bytes, (byte) => {
    const pair = byte.charCodeAt(0).toString(16).padStart(2, "0");
    return upper ? pair.toUpperCase() : pair;
  });
  return pad(flags.space ? pairs.map((pair) => prefix + pair).join(" ") : prefix + pairs.join(""), flags);
}

/** `precision` is the verb's own, for when the format gives none. */
export function formatFloating(value: number, verb: FloatFormat | "v", precision: number, flags: Flags): Bytes {
  const wanted = flags.precision ?? precision;
  const plain = formatFloat(value, verb === "v" ? "g" : verb, wanted);
  const signed = /^[+-]/.test(plain) ? plain : `+${plain}`;
  let number = flags.space && !flags.plus ? signed.replace(/^\+/, " ") : signed;
  if (!Number.isFinite(value)) return notFinite(number, flags);
  if (flags.sharp && verb !== "b") number = withPoint(number, verb, wanted);
  if (!flags.plus && number.startsWith("+")) return pad(number.slice(1), flags);
  const zeros = flags.zero && !flags.minus ? (flags.width ?? 0) - number.length : 0;
  // The sign belongs before the zeros.
  return zeros > 0 ? number.charAt(0) + "0".repeat(zeros) + number.slice(1) : pad(number, flags);
}

function notFinite(number: Bytes, flags: Flags): Bytes {
  const showsSign = flags.plus || flags.space || (number.startsWith("-") && !number.endsWith("NaN"));
  return padWithSpaces(showsSign ? number : number.slice(1), flags);
}

/** The # flag: a decimal point even before nothing, and the zeros that %g would drop. */
function withPoint(number: Bytes, verb: FloatFormat | "v", precision: number): Bytes {
  const keepsZeros = ["v", "g", "G", "x"].includes(verb);
  const exponentAt = number.search(verb === "x" || verb === "X" ? /[pP]/ : /[eEpP]/);
  const tail = exponentAt < 0 ? "" : number.slice(exponentAt);
  let mantissa = exponentAt < 0 ? number : number.slice(0, exponentAt);
  let missing = keepsZeros ? (precision === -1 ? 6 : precision) : 0;
  missing -= mantissa.slice(1).replace(".", "").replace(/^0+/, "").length;
  if (!mantissa.includes(".")) {
    if (mantissa.slice(1) === "0") missing -= 1;
    mantissa += ".";
  }
  return mantissa + "0".repeat(Math.max(0, missing)) + tail;
}
