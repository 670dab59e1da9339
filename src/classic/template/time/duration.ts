import type { Bytes } from "../bytes/utf8.ts";
import { MAX_DURATION, MIN_DURATION } from "./instant.ts";

const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;
/** µ in UTF-8. */
const MICRO = "\u00c2\u00b5";

/** 1h2m3.5s, 1.5ms, 0s */
export function formatDuration(duration: bigint): Bytes {
  if (duration === 0n) return "0s";
  const sign = duration < 0n ? "-" : "";
  const length = duration < 0n ? -duration : duration;
  if (length < 1000n) return `${sign}${length}ns`;
  if (length < 1_000_000n) return `${sign}${fractional(length, 3)}${MICRO}s`;
  if (length < SECOND) return `${sign}${fractional(length, 6)}ms`;
  const hours = length / HOUR;
  const minutes = (length / MINUTE) % 60n;
  const leading = hours > 0n ? `${hours}h${minutes}m` : minutes > 0n ? `${minutes}m` : "";
  return `${sign}${leading}${fractional(length % MINUTE, 9)}s`;
}

function fractional(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits);
  const fraction = (value % unit).toString().padStart(digits, "0").replace(/0+$/, "");
  return `${value / unit}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Whole units and the rest as a fraction, added as floats: the way Go does it, rounding included. */
export function inUnits(duration: bigint, unit: "hours" | "minutes" | "seconds"): number {
  const size = { hours: HOUR, minutes: MINUTE, seconds: SECOND }[unit];
  return Number(duration / size) + Number(duration % size) / Number(size);
}

/** Towards zero to a multiple of the unit. */
export function truncateDuration(duration: bigint, unit: bigint): bigint {
  return unit <= 0n ? duration : duration - (duration % unit);
}

/** To the nearest multiple of the unit, halves away from zero, as far as 64 bits reach. */
export function roundDuration(duration: bigint, unit: bigint): bigint {
  if (unit <= 0n) return duration;
  const rest = duration % unit;
  const size = rest < 0n ? -rest : rest;
  if (size * 2n < unit) return duration - rest;
  const away = duration < 0n ? duration + size - unit : duration - size + unit;
  return away > MAX_DURATION ? MAX_DURATION : away < MIN_DURATION ? MIN_DURATION : away;
}

export function absoluteDuration(duration: bigint): bigint {
  if (duration >= 0n) return duration;
  return duration === MIN_DURATION ? MAX_DURATION : -duration;
}
