export const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

export const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** What Month and Weekday print for a number that is none. */
export function nameOr(names: readonly string[], index: bigint, type: string, value: bigint): string {
  const name = index >= 0n && index < BigInt(names.length) ? names[Number(index)] : undefined;
  return name ?? `%!${type}(${BigInt.asUintN(64, value)})`;
}
