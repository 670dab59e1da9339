/** How a quantity was written, which decides how it is written back. */
export type QuantityFormat = "decimalSI" | "binarySI" | "decimalExponent";

/**
 * An exact Kubernetes quantity. Quantities have no parts smaller than a nano-unit. Made by
 * `parseQuantity` and `quantityOf`.
 */
export interface Quantity {
  /** The amount in units of 10⁻⁹. */
  readonly nano: bigint;
  readonly format: QuantityFormat;
}

/** A text that is not a quantity. */
export class QuantityError extends Error {
  override readonly name = "QuantityError";
}

const NANO = 9;
const UNIT = 10n ** 9n;
const KIBI = 1024n;
/** Decimal suffixes by power of ten. */
const DECIMAL = new Map([
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18],
]);
const DECIMAL_BY_POWER = new Map([...DECIMAL].map(([suffix, power]) => [power, suffix]));
/** Binary suffixes; the index is the power of 1024. */
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/** Binary quantities are capped here, as the API server does: 2⁶³ − 1. */
const BINARY_CAP = (2n ** 63n - 1n) * UNIT;
/** Far above any real quantity. Without a bound, `1e999999999` would fill the memory. */
const LARGEST_EXPONENT = 1000;

const SYNTAX = /^([+-]?)(\d*)(?:\.(\d*))?([a-zA-Z]*)([+-]?\d+)?$/;

/**
 * Reads a quantity: sign, decimals, and one of `Ki…Ei`, `n u m k M G T P E` or a decimal exponent
 * (`1e3`, `1E-3`). What is finer than a nano-unit is rounded away from zero, and binary quantities
 * are capped at 2⁶³ − 1, both as the API server does. Throws a QuantityError that names the text.
 */
export function parseQuantity(text: string): Quantity {
  const match = SYNTAX.exec(text);
  const [, sign = "", whole = "", fraction = "", letters = "", exponent] = match ?? [];
  if (match === null || whole + fraction === "")
    throw bad(text, "a number with a suffix such as Mi, G, m or e3 is wanted");

  const digits = BigInt(whole + fraction);
  const signed = (nano: bigint): bigint => (sign === "-" ? -nano : nano);
  if (exponent !== undefined) {
    if (letters !== "e" && letters !== "E") throw bad(text, `${letters}${exponent} is not a suffix`);
    const power = Number(exponent);
    if (Math.abs(power) > LARGEST_EXPONENT) throw bad(text, `the exponent is beyond ${LARGEST_EXPONENT}`);
    return { nano: signed(shift(digits, power - fraction.length + NANO)), format: "decimalExponent" };
  }
  const decimal = DECIMAL.get(letters);
  if (decimal !== undefined) {
    return { nano: signed(shift(digits, decimal - fraction.length + NANO)), format: "decimalSI" };
  }
  const binary = BINARY.indexOf(letters);
  if (binary < 0) throw bad(text, `${letters} is not a suffix`);
  const exact = shift(digits * KIBI ** BigInt(binary), NANO - fraction.length);
  const nano = exact > BINARY_CAP ? BINARY_CAP : exact;
  // A fraction below one has no binary form, so it becomes decimal. Zero stays binary.
  return { nano: signed(nano), format: nano > 0n && nano < UNIT ? "decimalSI" : "binarySI" };
}

/** A whole number of units (bytes) as a quantity. */
export function quantityOf(units: bigint | number, format: QuantityFormat = "binarySI"): Quantity {
  return { nano: BigInt(units) * UNIT, format };
}

/** -1, 0 or 1 as `a` is less than, equal to or greater than `b`: exact, whatever the formats. */
export function compareQuantities(a: Quantity, b: Quantity): -1 | 0 | 1 {
  return a.nano < b.nano ? -1 : a.nano > b.nano ? 1 : 0;
}

/**
 * The quantity in whole units (bytes), rounded away from zero as Go's `Value()` does, but never
 * overflowing. Throws as `parseQuantity` does.
 */
export function bytes(quantity: Quantity | string): bigint {
  const { nano } = typeof quantity === "string" ? parseQuantity(quantity) : quantity;
  return awayFromZero(nano, UNIT);
}

/**
 * The canonical text: no fraction, the largest suffix that is exact. `parseQuantity` reads the same
 * amount back.
 */
export function formatQuantity(quantity: Quantity): string {
  const { nano, format } = quantity;
  if (nano === 0n) return "0";
  const exactUnits = nano % UNIT === 0n;
  const units = nano / UNIT;
  // Below 1024, or with a fraction, a binary suffix would lose precision.
  if (format === "binarySI" && exactUnits && (units <= -KIBI || units >= KIBI)) return formatBinary(units);
  return formatDecimal(nano, format === "decimalExponent");
}

function formatBinary(units: bigint): string {
  let rest = units;
  let power = 0;
  while (power < BINARY.length - 1 && rest % KIBI === 0n) {
    rest /= KIBI;
    power++;
  }
  return `${rest}${BINARY[power] ?? ""}`;
}

function formatDecimal(nano: bigint, asExponent: boolean): string {
  let rest = nano;
  let power = -NANO;
  while (rest % 1000n === 0n) {
    rest /= 1000n;
    power += 3;
  }
  if (power === 0) return `${rest}`;
  const suffix = asExponent ? undefined : DECIMAL_BY_POWER.get(power);
  return suffix === undefined ? `${rest}e${power}` : `${rest}${suffix}`;
}

/** `digits` × 10^power, rounded away from zero. */
function shift(digits: bigint, power: number): bigint {
  return power >= 0 ? digits * 10n ** BigInt(power) : awayFromZero(digits, 10n ** BigInt(-power));
}

function awayFromZero(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (value % divisor === 0n) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

function bad(text: string, why: string): QuantityError {
  return new QuantityError(`${JSON.stringify(text)} is not a quantity: ${why}`);
}
