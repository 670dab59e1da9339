import type { Bytes } from "../bytes/utf8.ts";
import { GoError } from "../error.ts";
import { dateOf, type Instant } from "./instant.ts";
import { formatTime, RFC3339_NANO } from "./layout.ts";

/** RFC 3339, which has no room for years beyond four digits. */
export function strictRfc3339(instant: Instant, caller: string): Bytes {
  const { year } = dateOf(instant);
  if (year < 0 || year > 9999) throw new GoError(`Time.${caller}: year outside of range [0,9999]`);
  return formatTime(instant, RFC3339_NANO);
}

/** Go's own binary form: version, seconds since year 1, nanoseconds, offset in minutes (-1 for UTC). */
export function binaryTime(instant: Instant, isLocal: boolean): Bytes {
  return `\x01${bigEndian(instant.seconds, 8)}${bigEndian(BigInt(instant.nanoseconds), 4)}${bigEndian(isLocal ? 0n : -1n, 2)}`;
}

function bigEndian(value: bigint, size: number): Bytes {
  return Array.from({ length: size }, (_, index) =>
    String.fromCharCode(Number(BigInt.asUintN(8, value >> BigInt(8 * (size - 1 - index))))),
  ).join("");
}
