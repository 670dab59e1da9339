/** A number's text did not parse: not a number at all, or one too large for its type. */
export type NumberFailure = "invalid syntax" | "value out of range";

const MAX_UINT64 = (1n << 64n) - 1n;
const MAX_INT64 = (1n << 63n) - 1n;

/** An unsigned 64-bit integer with Go's base prefixes and underscores. */
export function parseUint(text: string): bigint | NumberFailure {
  const [, prefix = "", digits = ""] = /^(0[bBoOxX](?=.)|0|)(.*)$/s.exec(text) ?? [];
  if (text === "") return "invalid syntax";
  const bare = digits.replaceAll("_", "");
  const base = prefix.length === 2 ? prefix.charAt(1).toLowerCase() : prefix === "0" ? "o" : "d";
  const shape = { b: /^[01]+$/, o: /^[0-7]*$/, x: /^[0-9a-fA-F]+$/, d: /^[0-9]+$/ }[base];
  if (shape === undefined || !shape.test(bare) || (prefix.length === 2 && bare === "")) return "invalid syntax";
  if (digits.includes("_") && !underscoresAreWellPlaced(text)) return "invalid syntax";
  const value = BigInt(base === "d" ? bare : `0${base}${bare === "" ? "0" : bare}`);
  return value > MAX_UINT64 ? "value out of range" : value;
}

/** A signed 64-bit integer with Go's base prefixes and underscores. */
export function parseInt64(text: string): bigint | NumberFailure {
  const negative = text.startsWith("-");
  const magnitude = parseUint(negative || text.startsWith("+") ? text.slice(1) : text);
  if (typeof magnitude === "string") return magnitude;
  if (magnitude > (negative ? MAX_INT64 + 1n : MAX_INT64)) return "value out of range";
  return negative ? -magnitude : magnitude;
}

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)$/;

/** A float in decimal or hexadecimal notation. */
export function parseFloat64(text: string): number | NumberFailure {
  if (text.includes("_") && !underscoresAreWellPlaced(text)) return "invalid syntax";
  const bare = text.replaceAll("_", "");
  if (DECIMAL.test(bare)) return finite(Number(bare));
  const [, sign, whole = "", fraction = "", exponent = "0"] = HEXADECIMAL.exec(bare) ?? [];
  if (sign === undefined || whole + fraction === "") return "invalid syntax";
  const mantissa = Number(BigInt(`0x${whole}${fraction}`));
  const value = scale(mantissa, Number(exponent) - 4 * fraction.length);
  return finite(sign === "-" ? -value : value);
}

/** mantissa × 2^exponent, in steps: 2^exponent alone may be out of range. */
function scale(mantissa: number, exponent: number): number {
  let value = mantissa;
  for (let left = Math.max(-5000, Math.min(5000, exponent)); left !== 0;) {
    const step = Math.max(-1000, Math.min(1000, left));
    value *= 2 ** step;
    left -= step;
  }
  return value;
}

function finite(value: number): number | NumberFailure {
  return Number.isFinite(value) ? value : "value out of range";
}

/** Underscores separate digits; the first may follow a base prefix. */
function underscoresAreWellPlaced(text: string): boolean {
  const unsigned = text.replace(/^[+-]/, "");
  const prefixed = /^0[bBoOxX]/.exec(unsigned)?.[0];
  const digit = prefixed !== undefined && /[xX]/.test(prefixed) ? "[0-9a-fA-F]" : "[0-9]";
  const body = prefixed === undefined ? unsigned : `0${unsigned.slice(2)}`;
  return !new RegExp(`(?<!${digit})_|_(?!${digit})`).test(body);
}
