import { type CivilDate, civilDate, dayNumber, divide, SECONDS_PER_DAY, UNIX_EPOCH } from "./civil.ts";

/** A time.Time without its location: every location here is UTC, by one name or another. */
export interface Instant {
  /** Since 1 January of year 1. */
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

export interface Clock {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const NANO = 1_000_000_000n;

export function dateOf(instant: Instant): CivilDate {
  return civilDate(Number(divide(instant.seconds, SECONDS_PER_DAY).quotient));
}

export function clockOf(instant: Instant): Clock {
  const second = Number(divide(instant.seconds, SECONDS_PER_DAY).rest);
  return { hour: Math.floor(second / 3600), minute: Math.floor(second / 60) % 60, second: second % 60 };
}

/** 0 is Sunday. Day 0, 1 January of year 1, was a Monday. */
export function weekdayOf(instant: Instant): number {
  return Number(divide(divide(instant.seconds, SECONDS_PER_DAY).quotient + 1n, 7n).rest);
}

export function unixSeconds(instant: Instant): bigint {
  return instant.seconds - UNIX_EPOCH;
}

function total(instant: Instant): bigint {
  return instant.seconds * NANO + BigInt(instant.nanoseconds);
}

function fromTotal(nanoseconds: bigint): Instant {
  const { quotient, rest } = divide(nanoseconds, NANO);
  return { seconds: BigInt.asIntN(64, quotient), nanoseconds: Number(rest) };
}

/** Later by a duration in nanoseconds. */
export function add(instant: Instant, duration: bigint): Instant {
  return fromTotal(total(instant) + duration);
}

/** Dates that do not exist carry over: 31 January and one month is 2 or 3 March. */
export function addDate(instant: Instant, years: bigint, months: bigint, days: bigint): Instant {
  const date = dateOf(instant);
  const day = BigInt(dayNumber(date.year + Number(years), date.month + Number(months), date.day)) + days;
  const clock = divide(instant.seconds, SECONDS_PER_DAY).rest;
  return { seconds: BigInt.asIntN(64, day * SECONDS_PER_DAY + clock), nanoseconds: instant.nanoseconds };
}

export function compare(a: Instant, b: Instant): number {
  const [left, right] = [total(a), total(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

export const MAX_DURATION = (1n << 63n) - 1n;
export const MIN_DURATION = -(1n << 63n);

/** The duration from b to a, as far as 64 bits reach. */
export function subtract(a: Instant, b: Instant): bigint {
  const difference = total(a) - total(b);
  return difference > MAX_DURATION ? MAX_DURATION : difference < MIN_DURATION ? MIN_DURATION : difference;
}

/** Down to a multiple of the duration since year 1. */
export function truncate(instant: Instant, duration: bigint): Instant {
  return duration <= 0n ? instant : add(instant, -divide(total(instant), duration).rest);
}

/** To the nearest multiple of the duration since year 1, halves up. */
export function round(instant: Instant, duration: bigint): Instant {
  if (duration <= 0n) return instant;
  const { rest } = divide(total(instant), duration);
  return add(instant, rest * 2n < duration ? -rest : duration - rest);
}

export function isZero(instant: Instant): boolean {
  return instant.seconds === 0n && instant.nanoseconds === 0;
}

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/** Reads what Kubernetes writes in a timestamp. Undefined where it is none. */
export function parseRfc3339(text: string): Instant | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const days = dayNumber(year, month, day);
  const date = civilDate(days);
  if (date.month !== month || date.day !== day || hour > 23 || minute > 59 || second > 59) return undefined;
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * (match[8] === "-" ? -60 : 60);
  const seconds = BigInt(days) * SECONDS_PER_DAY + BigInt(hour * 3600 + minute * 60 + second - offset);
  return { seconds, nanoseconds: Number((match[7] ?? "").slice(0, 9).padEnd(9, "0")) };
}
