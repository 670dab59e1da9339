// The proleptic Gregorian calendar in UTC. Days and seconds are counted from 1 January of year 1, as Go does.

export const SECONDS_PER_DAY = 86_400n;

/** 1970-01-01 in seconds since year 1. */
export const UNIX_EPOCH = 62_135_596_800n;

const DAYS_PER_400_YEARS = 146_097;
/** Days before each month in a year that begins in March, which puts the leap day at the end. */
const DAYS_BEFORE = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337];

export interface CivilDate {
  readonly year: number;
  /** 1 to 12 */
  readonly month: number;
  readonly day: number;
  /** Days since 1 January of the same year, from 0. */
  readonly dayOfYear: number;
}

/** The date of a day number. */
export function civilDate(days: number): CivilDate {
  // Day 0 of the March-based count is 1 March of year 0.
  const shifted = days + 306;
  const era = Math.floor(shifted / DAYS_PER_400_YEARS);
  const dayOfEra = shifted - era * DAYS_PER_400_YEARS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfMarchYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const index = DAYS_BEFORE.findLastIndex((before) => before <= dayOfMarchYear);
  const month = index < 10 ? index + 3 : index - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const day = dayOfMarchYear - (DAYS_BEFORE[index] ?? 0) + 1;
  return { year, month, day, dayOfYear: days - dayNumber(year, 1, 1) };
}

/** The day number of a date. The month may be outside 1 to 12 and the day outside the month: they carry over. */
export function dayNumber(year: number, month: number, day: number): number {
  const fullYear = year + Math.floor((month - 1) / 12);
  const index = (((month - 3) % 12) + 12) % 12;
  const marchYear = index >= 10 ? fullYear - 1 : fullYear;
  const beforeYear =
    365 * marchYear + Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return beforeYear + (DAYS_BEFORE[index] ?? 0) + day - 1 - 306;
}

/** Division that rounds down, and its remainder, which is then never negative. */
export function divide(dividend: bigint, divisor: bigint): { readonly quotient: bigint; readonly rest: bigint } {
  const rest = ((dividend % divisor) + divisor) % divisor;
  return { quotient: (dividend - rest) / divisor, rest };
}
