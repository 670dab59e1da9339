/** The notations of Go's strconv.FormatFloat. */
export type FloatFormat = "e" | "E" | "f" | "g" | "G" | "b" | "x" | "X";

/** Significant decimal digits and where the point stands: 0.digits × 10^point. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

/** A float64 as text. Precision -1 means: the fewest digits that read back as the same number. */
export function formatFloat(value: number, format: FloatFormat, precision: number): string {
  if (Number.isNaN(value)) return "NaN";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign === "" ? "+Inf" : "-Inf";
  if (format === "b") return sign + binary(magnitude);
  if (format === "x") return sign + hexadecimal(magnitude, precision);
  if (format === "X") return sign + hexadecimal(magnitude, precision).toUpperCase();
  return sign + decimal(magnitude, format, precision);
}

function decimal(magnitude: number, format: "e" | "E" | "f" | "g" | "G", precision: number): string {
  const shortest = precision < 0;
  const general = format === "g" || format === "G";
  const wanted = general && precision === 0 ? 1 : precision;
  const found = shortest ? shortestDigits(magnitude) : roundedDigits(magnitude, format, wanted);
  const letter = format === "E" || format === "G" ? "E" : "e";
  if (format === "e" || format === "E") return exponential(found, shortest ? found.digits.length - 1 : wanted, letter);
  if (format === "f") return fixed(found, shortest ? Math.max(found.digits.length - found.point, 0) : wanted);
  const count = found.digits.length;
  const limit = shortest ? 6 : wanted > count && count >= found.point ? count : wanted;
  const exponent = found.point - 1;
  if (exponent < -4 || exponent >= limit) {
    return exponential(found, (shortest ? count : Math.min(wanted, count)) - 1, letter);
  }
  return fixed(found, Math.max(count - found.point, 0));
}

function shortestDigits(magnitude: number): Decimal {
  if (magnitude === 0) return { digits: "", point: 0 };
  const [mantissa = "", exponent = "0"] = magnitude.toExponential().split("e");
  return { digits: mantissa.replace(".", ""), point: Number(exponent) + 1 };
}

function roundedDigits(magnitude: number, format: string, precision: number): Decimal {
  const exact = exactDigits(magnitude);
  const keep = format === "f" ? exact.point + precision : format === "g" || format === "G" ? precision : precision + 1;
  return roundHalfEven(exact, keep);
}

/** Every float is a finite decimal fraction: mantissa × 2^-k is mantissa × 5^k / 10^k. */
function exactDigits(magnitude: number): Decimal {
  if (magnitude === 0) return { digits: "", point: 0 };
  const { mantissa, exponent } = parts(magnitude);
  const text = (exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent)).toString();
  return { digits: text.replace(/0+$/, ""), point: text.length + Math.min(exponent, 0) };
}

function roundHalfEven({ digits, point }: Decimal, keep: number): Decimal {
  if (keep >= digits.length) return { digits, point };
  if (keep < 0) return { digits: "", point: 0 };
  const cut = digits.slice(0, keep);
  const rest = digits.slice(keep);
  const isOdd = Number(cut.at(-1) ?? "0") % 2 === 1;
  const up = rest === "5" ? isOdd : rest.charAt(0) >= "5";
  if (!up) {
    const trimmed = cut.replace(/0+$/, "");
    return { digits: trimmed, point: trimmed === "" ? 0 : point };
  }
  const raised = (BigInt(cut === "" ? "0" : cut) + 1n).toString().padStart(keep, "0");
  return { digits: raised.replace(/0+$/, ""), point: point + raised.length - keep };
}

function exponential({ digits, point }: Decimal, precision: number, letter: string): string {
  const mantissa = digits.padEnd(precision + 1, "0").slice(0, precision + 1) || "0";
  const exponent = digits === "" ? 0 : point - 1;
  const fraction = precision > 0 ? `.${mantissa.slice(1)}` : "";
  return `${mantissa.charAt(0)}${fraction}${letter}${signed(exponent)}`;
}

function fixed({ digits, point }: Decimal, precision: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (precision <= 0) return whole;
  const fraction = point >= 0 ? digits.slice(point) : "0".repeat(-point) + digits;
  return `${whole}.${fraction.padEnd(precision, "0").slice(0, precision)}`;
}

function signed(exponent: number): string {
  return `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** value = mantissa × 2^exponent, with the mantissa as the 53 bits that are stored. */
function parts(magnitude: number): { readonly mantissa: bigint; readonly exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, magnitude);
  const bits = view.getBigUint64(0);
  const stored = Number(bits >> 52n) & 0x7ff;
  const fraction = bits & ((1n << 52n) - 1n);
  return stored === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: stored - 1075 };
}

function binary(magnitude: number): string {
  const { mantissa, exponent } = parts(magnitude);
  return `${mantissa}p${exponent >= 0 ? "+" : ""}${exponent}`;
}

/** 0x1.fp+00: the mantissa is kept as one bit, then 60 bits (15 hexadecimal digits) of fraction. */
function hexadecimal(magnitude: number, precision: number): string {
  if (magnitude === 0) return `0x0${precision > 0 ? `.${"0".repeat(precision)}` : ""}p+00`;
  const { mantissa, exponent } = parts(magnitude);
  const length = mantissa.toString(2).length;
  let scaled = mantissa << BigInt(61 - length);
  let power = exponent + length - 1;
  if (precision >= 0 && precision < 15) {
    const dropped = 60n - BigInt(precision) * 4n;
    const rest = scaled & ((1n << dropped) - 1n);
    scaled >>= dropped;
    const half = 1n << (dropped - 1n);
    if (rest > half || (rest === half && (scaled & 1n) === 1n)) scaled += 1n;
    scaled <<= dropped;
    if (scaled >> 61n !== 0n) {
      scaled >>= 1n;
      power += 1;
    }
  }
  const all = (scaled & ((1n << 60n) - 1n)).toString(16).padStart(15, "0");
  const fraction = precision < 0 ? all.replace(/0+$/, "") : all.padEnd(precision, "0").slice(0, precision);
  return `0x1${fraction === "" ? "" : `.${fraction}`}p${signed(power)}`;
}
