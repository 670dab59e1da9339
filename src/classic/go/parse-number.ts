/** A number's text did not parse: not a number at all, or one too large for its type. */
type NumberFailure = "invalid syntax" | "value out of range";

/** Digits by base; an underscore may stand between two of them and behind the prefix. */
const FORMS = [
  { form: /^0[xX]((?:_?[0-9a-fA-F])+)$/, prefix: "0x" },
  { form: /^0[bB]((?:_?[01])+)$/, prefix: "0b" },
  { form: /^0[oO]?((?:_?[0-7])+)$/, prefix: "0o" },
  { form: /^(0|[1-9](?:_?[0-9])*)$/, prefix: "" },
];

/** A signed 64-bit integer with Go's base prefixes and underscores. */
export function parseInt64(text: string): bigint | NumberFailure {
  for (const { form, prefix } of FORMS) {
    const digits = form.exec(text.replace(/^[+-]/, ""))?.[1];
    if (digits === undefined) continue;
    const value = BigInt(prefix + digits.replaceAll("_", "")) * (text.startsWith("-") ? -1n : 1n);
    return value === BigInt.asIntN(64, value) ? value : "value out of range";
  }
  return "invalid syntax";
}

const DECIMAL = /^[+-]?(?:(?:_?[0-9])+\.?(?:_?[0-9])*|\.(?:_?[0-9])+)(?:[eE][+-]?(?:_?[0-9])+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]((?:_?[0-9a-fA-F])*)\.?((?:_?[0-9a-fA-F])*)[pP]([+-]?(?:_?[0-9])+)$/;
/** An underscore that is not between digits, in a number that has the right form otherwise. */
const STRAY = /^[+-]?_|[.eEpP+-]_/;

/** A float in decimal or hexadecimal notation. */
export function parseFloat64(text: string): number | NumberFailure {
  const bare = text.replaceAll("_", "");
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    HEXADECIMAL.exec(text)?.map((part) => part.replaceAll("_", "")) ?? [];
  const stray = sign === undefined ? STRAY : /[.pP+-]_/;
  if (stray.test(text)) return "invalid syntax";
  if (DECIMAL.test(text)) return finite(Number(bare));
  if (sign === undefined || whole + fraction === "") return "invalid syntax";
  const power = Math.max(-5000, Math.min(5000, Number(exponent) - 4 * fraction.length));
  // In two steps: 2^power alone may be out of range.
  const half = Math.trunc(power / 2);
  const value = Number(BigInt(`0x${whole}${fraction}`)) * 2 ** half * 2 ** (power - half);
  return finite(sign === "-" ? -value : value);
}

function finite(value: number): number | NumberFailure {
  return Number.isFinite(value) ? value : "value out of range";
}
