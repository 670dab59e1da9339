import type { Bytes } from "../bytes/utf8.ts";
import type { CivilDate } from "./civil.ts";
import { type Clock, clockOf, dateOf, type Instant, weekdayOf } from "./instant.ts";
import { MONTHS, WEEKDAYS } from "./names.ts";

export const RFC3339 = "2006-01-02T15:04:05Z07:00";
export const RFC3339_NANO = "2006-01-02T15:04:05.999999999Z07:00";

interface Moment extends CivilDate, Clock {
  readonly nanoseconds: number;
  readonly weekday: number;
}

type Render = (moment: Moment) => string;

const two = (value: number): string => String(value).padStart(2, "0");
const spaced = (value: number, width: number): string => String(value).padStart(width, " ");
const month = (moment: Moment): string => MONTHS[moment.month - 1] ?? "";
const weekday = (moment: Moment): string => WEEKDAYS[moment.weekday] ?? "";
const hour12 = (moment: Moment): number => moment.hour % 12 || 12;

function fourDigits(year: number): string {
  return year < 0 ? `-${String(-year).padStart(4, "0")}` : String(year).padStart(4, "0");
}

/** What each element of a layout stands for, longest first where one begins like another. */
const ELEMENTS: readonly (readonly [string, Render])[] = [
  ["January", month],
  ["Jan", (moment) => month(moment).slice(0, 3)],
  ["Monday", weekday],
  ["Mon", (moment) => weekday(moment).slice(0, 3)],
  ["MST", () => "UTC"],
  ["01", (moment) => two(moment.month)],
  ["02", (moment) => two(moment.day)],
  ["03", (moment) => two(hour12(moment))],
  ["04", (moment) => two(moment.minute)],
  ["05", (moment) => two(moment.second)],
  ["06", (moment) => two(Math.abs(moment.year) % 100)],
  ["002", (moment) => String(moment.dayOfYear + 1).padStart(3, "0")],
  ["15", (moment) => two(moment.hour)],
  ["1", (moment) => String(moment.month)],
  ["2006", (moment) => fourDigits(moment.year)],
  ["2", (moment) => String(moment.day)],
  // An underscore before a year is just that, and not the underscore of _2.
  ["_2006", (moment) => `_${fourDigits(moment.year)}`],
  ["__2", (moment) => spaced(moment.dayOfYear + 1, 3)],
  ["_2", (moment) => spaced(moment.day, 2)],
  ["3", (moment) => String(hour12(moment))],
  ["4", (moment) => String(moment.minute)],
  ["5", (moment) => String(moment.second)],
  ["PM", (moment) => (moment.hour >= 12 ? "PM" : "AM")],
  ["pm", (moment) => (moment.hour >= 12 ? "pm" : "am")],
  ["-07:00:00", () => "+00:00:00"],
  ["-070000", () => "+000000"],
  ["-07:00", () => "+00:00"],
  ["-0700", () => "+0000"],
  ["-07", () => "+00"],
  ["Z07:00:00", () => "Z"],
  ["Z070000", () => "Z"],
  ["Z07:00", () => "Z"],
  ["Z0700", () => "Z"],
  ["Z07", () => "Z"],
];

/** A time by a layout that shows how the reference time, Mon Jan 2 15:04:05 MST 2006, would be written. */
export function formatTime(instant: Instant, layout: Bytes): Bytes {
  const moment: Moment = {
    ...dateOf(instant),
    ...clockOf(instant),
    nanoseconds: instant.nanoseconds,
    weekday: weekdayOf(instant),
  };
  let out = "";
  for (let at = 0; at < layout.length;) {
    const fraction = fractionAt(layout, at);
    const element = fraction === undefined ? elementAt(layout, at) : undefined;
    if (fraction !== undefined) out += renderFraction(fraction, moment.nanoseconds);
    else out += element === undefined ? layout.charAt(at) : element[1](moment);
    at += fraction?.length ?? element?.[0].length ?? 1;
  }
  return out;
}

function elementAt(layout: Bytes, at: number): readonly [string, Render] | undefined {
  const found = ELEMENTS.find(([text]) => layout.startsWith(text, at));
  // "Janus" is no month.
  if (found?.[0] === "Jan" && /^[a-z]$/.test(layout.charAt(at + 3))) return undefined;
  if (found?.[0] === "Mon" && /^[a-z]$/.test(layout.charAt(at + 3))) return undefined;
  return found;
}

/** .000 or ,999: zeros or nines after a point or comma that no digit follows. */
function fractionAt(layout: Bytes, at: number): string | undefined {
  return /^[.,](?:0+|9+)(?![0-9])/.exec(layout.slice(at))?.[0];
}

function renderFraction(pattern: string, nanoseconds: number): string {
  const digits = String(nanoseconds)
    .padStart(9, "0")
    .slice(0, pattern.length - 1);
  if (pattern.charAt(1) === "0") return pattern.charAt(0) + digits;
  const trimmed = digits.replace(/0+$/, "");
  return trimmed === "" ? "" : pattern.charAt(0) + trimmed;
}
