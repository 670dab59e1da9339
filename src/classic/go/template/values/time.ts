import { UnsupportedError } from "../error.ts";
import { type Field, type Fields, NamedNumber, type Value } from "./values.ts";

const MONTHS = "January February March April May June July August September October November December".split(" ");
const WEEKDAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const DAY = 86_400_000;

/** What an API server writes: no fraction of a second. */
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** The creation time of a claim, in UTC: the original's container has no other time zone. */
export function timeOf(text: string): Fields {
  const [, fraction] = RFC3339.exec(text) ?? [];
  const date = new Date(text);
  if (!RFC3339.test(text) || Number.isNaN(date.getTime()))
    throw new TypeError(`creationTimestamp is not a time: ${text}`);
  const iso = date.toISOString();
  const time: Fields = {
    type: "v1.Time",
    ...(fraction === undefined ? { text: `${iso.slice(0, 10)} ${iso.slice(11, 19)} +0000 UTC` } : {}),
    get: (name) => {
      if (name === "UTC" || name === "Time") return { value: time };
      const read = METHODS.get(name);
      if (read === undefined) throw new UnsupportedError(`the method ${name} of a time`);
      if (fraction !== undefined) throw new UnsupportedError("a time with a fraction of a second");
      return read(date);
    },
  };
  return time;
}

const METHODS = new Map<string, (date: Date) => Field>([
  ["Year", (date) => ({ value: date.getUTCFullYear() })],
  ["Month", (date) => named("time.Month", date.getUTCMonth() + 1, MONTHS[date.getUTCMonth()])],
  ["Day", (date) => ({ value: date.getUTCDate() })],
  ["Weekday", (date) => named("time.Weekday", date.getUTCDay(), WEEKDAYS[date.getUTCDay()])],
  ["YearDay", (date) => ({ value: dayOfYear(date) })],
  ["Hour", (date) => ({ value: date.getUTCHours() })],
  ["Minute", (date) => ({ value: date.getUTCMinutes() })],
  ["Second", (date) => ({ value: date.getUTCSeconds() })],
  ["Unix", (date) => ({ value: date.getTime() / 1000 })],
  ["Format", (date) => ({ method: (layout): Value => format(date, layout) })],
]);

/** Can a pattern call the method? */
export function isTimeMethod(name: string): boolean {
  return METHODS.has(name) || name === "UTC" || name === "Time";
}

function named(type: string, value: number, name = ""): Field {
  return { value: new NamedNumber(type, value, name) };
}

function dayOfYear(date: Date): number {
  const start = new Date(date);
  start.setUTCMonth(0, 1);
  return Math.round((date.getTime() - start.getTime()) / DAY) + 1;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** What each element of a layout stands for; the zones are always UTC. */
const ELEMENTS = new Map<string, (date: Date) => string>([
  ["January", (date) => MONTHS[date.getUTCMonth()] ?? ""],
  ["Jan", (date) => (MONTHS[date.getUTCMonth()] ?? "").slice(0, 3)],
  ["Monday", (date) => WEEKDAYS[date.getUTCDay()] ?? ""],
  ["Mon", (date) => (WEEKDAYS[date.getUTCDay()] ?? "").slice(0, 3)],
  ["MST", () => "UTC"],
  ["2006", (date) => String(date.getUTCFullYear()).padStart(4, "0")],
  ["06", (date) => two(date.getUTCFullYear() % 100)],
  ["01", (date) => two(date.getUTCMonth() + 1)],
  ["1", (date) => String(date.getUTCMonth() + 1)],
  ["02", (date) => two(date.getUTCDate())],
  ["2", (date) => String(date.getUTCDate())],
  ["15", (date) => two(date.getUTCHours())],
  ["04", (date) => two(date.getUTCMinutes())],
  ["05", (date) => two(date.getUTCSeconds())],
  ["-0700", () => "+0000"],
  ["Z07:00", () => "Z"],
]);

/** Elements of Go's that are left out: a layout with one is refused. */
const OTHERS = ["002", "_2", "03", "3", "4", "5", "PM", "pm", "-07", "Z07"];
const ALL = [...ELEMENTS.keys(), ...OTHERS].toSorted((a, b) => b.length - a.length);

/** A time by a layout that shows how Mon Jan 2 15:04:05 MST 2006 would be written. */
function format(date: Date, layout: string): string {
  let out = "";
  for (let at = 0; at < layout.length;) {
    const found = ALL.find((element) => layout.startsWith(element, at)) ?? "";
    const render = ELEMENTS.get(found);
    // Between digits a point means fractions of a second, and "Janus" is no month.
    const isOther = found !== "" && render === undefined;
    if (
      isOther ||
      /^[.,][09]/.test(layout.slice(at)) ||
      (/^(?:Jan|Mon)[a-z]/.test(layout.slice(at)) && found.length === 3)
    ) {
      throw new UnsupportedError(`the layout "${layout}" of a time`);
    }
    out += render === undefined ? layout.charAt(at) : render(date);
    at += found.length === 0 ? 1 : found.length;
  }
  return out;
}
