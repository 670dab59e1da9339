import { type Bytes } from "../bytes/utf8.ts";
import { quote } from "../strconv/quote.ts";
import { parseFloat64, parseInt64, parseUint } from "../strconv/parse-number.ts";
import { unquoteCharacter } from "../strconv/unquote.ts";
import type { NumberNode } from "./nodes.ts";

/** A constant's token as a node, or the complaint about it. */
export function parseNumber(at: number, text: Bytes, kind: "number" | "complex" | "character"): NumberNode | Bytes {
  if (kind === "character") return character(at, text);
  if (kind === "complex") return complex(at, text);
  if (text.endsWith("i")) {
    const imaginary = parseFloat64(text.slice(0, -1));
    if (typeof imaginary === "number") return fromComplex(at, text, 0, imaginary);
  }
  return real(at, text);
}

function character(at: number, text: Bytes): NumberNode | Bytes {
  const read = unquoteCharacter(text.slice(1), "'");
  if (read === undefined) return "invalid syntax";
  if (read.rest !== "'") return `malformed character constant: ${text}`;
  const code = BigInt(read.value);
  return { kind: "number", at, text, int: code, uint: code, float: read.value, complex: undefined };
}

function real(at: number, text: Bytes): NumberNode | Bytes {
  const signed = parseInt64(text);
  const unsigned = parseUint(text);
  const int = typeof signed === "bigint" ? signed : undefined;
  // -0 does not read as unsigned, but is.
  const uint = typeof unsigned === "bigint" ? unsigned : int === 0n ? 0n : undefined;
  const whole = int ?? uint;
  if (whole !== undefined) return { kind: "number", at, text, int, uint, float: Number(whole), complex: undefined };
  const float = parseFloat64(text);
  if (typeof float !== "number") return `illegal number syntax: ${quote(text)}`;
  // Read as a float though it looks like an integer: one that no integer type can hold.
  if (!/[.eEpP]/.test(text)) return `integer overflow: ${quote(text)}`;
  return { kind: "number", at, text, int: asInt(float), uint: asUint(float), float, complex: undefined };
}

/**
 * Real part, sign, imaginary part, i. Go reads this with its scanner, which knows fewer notations than the lexer and
 * ignores what follows the first i.
 */
function complex(at: number, text: Bytes): NumberNode | Bytes {
  const notation =
    /^([+-]?(?:0[xX][0-9a-fA-F_]*\.?[0-9a-fA-F_]*(?:[pP][+-]?[0-9_]*)?|[0-9_]*\.?[0-9_]*(?:[eEpP][+-]?[0-9_]*)?))/;
  const first = notation.exec(text)?.[1] ?? "";
  const rest = text.slice(first.length);
  const sign = /^[+-]/.exec(rest)?.[0];
  const second = sign === undefined ? "" : (notation.exec(rest.slice(1))?.[1] ?? "");
  // An i right after the sign is taken for the beginning of "inf".
  if (sign === undefined || second === "" || rest.charAt(1 + second.length) !== "i")
    return "syntax error scanning complex number";
  const re = parseFloat64(first);
  if (typeof re === "string") return `strconv.ParseFloat: parsing ${quote(first)}: ${re}`;
  const im = parseFloat64(sign + second);
  if (typeof im === "string") return `strconv.ParseFloat: parsing ${quote(sign + second)}: ${im}`;
  return fromComplex(at, text, re, im);
}

function fromComplex(at: number, text: Bytes, re: number, im: number): NumberNode {
  const isReal = im === 0;
  return {
    kind: "number",
    at,
    text,
    complex: { re, im },
    float: isReal ? re : undefined,
    int: isReal ? asInt(re) : undefined,
    uint: isReal ? asUint(re) : undefined,
  };
}

function asInt(float: number): bigint | undefined {
  return Number.isInteger(float) && float >= -(2 ** 63) && float < 2 ** 63 ? BigInt(float) : undefined;
}

function asUint(float: number): bigint | undefined {
  return Number.isInteger(float) && float >= 0 && float < 2 ** 64 ? BigInt(float) : undefined;
}
