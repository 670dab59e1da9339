import { GoError } from "../error.ts";
import { fallible, integerArgument, method, refused, textArgument, uncallable } from "../values/method.ts";
import { BOOL, ERROR, FLOAT64, type GoMethod, INT, INT64, STRING, UINT8 } from "../values/types.ts";
import { bool, byteSlice, float, type GoValue, int, type Maybe, string } from "../values/values.ts";
import { absoluteDuration, formatDuration, inUnits, roundDuration, truncateDuration } from "./duration.ts";
import { binaryTime, strictRfc3339 } from "./encode.ts";
import * as instants from "./instant.ts";
import { formatTime } from "./layout.ts";
import { MONTHS, nameOr, WEEKDAYS } from "./names.ts";
import {
  DURATION,
  instantOf,
  isLocal,
  LOCAL_LOCATION,
  LOCATION,
  locationOf,
  MONTH,
  time,
  TIME,
  UTC_LOCATION,
  WEEKDAY,
} from "./types.ts";

// The methods of Go's time types. Importing this file gives them to the types.

const BYTES = UINT8.slice;

function integer(read: (instant: instants.Instant) => bigint | number, type = INT): GoMethod {
  return method([], type, (receiver) => int(read(instantOf(receiver)), type));
}

function relation(holds: (order: number) => boolean): GoMethod {
  return method([TIME], BOOL, (receiver, args) =>
    bool(holds(instants.compare(instantOf(receiver), instantOf(args[0])))),
  );
}

/** A method that gives another instant in the same location. */
function moved(
  params: GoMethod["params"],
  move: (instant: instants.Instant, args: readonly Maybe<GoValue>[]) => instants.Instant,
): GoMethod {
  return method(params, TIME, (receiver, args) => time(move(instantOf(receiver), args), locationOf(receiver)));
}

function placed(params: GoMethod["params"], place: (args: readonly GoValue[]) => Maybe<GoValue>): GoMethod {
  return method(params, TIME, (receiver, args) => time(instantOf(receiver), place(args)));
}

function encoded(encode: (receiver: GoValue) => string): GoMethod {
  return fallible([], BYTES, (receiver) => byteSlice(encode(receiver)));
}

function appended(encode: (receiver: GoValue) => string): GoMethod {
  return fallible([BYTES], BYTES, (receiver, args) => byteSlice(textArgument(args, 0) + encode(receiver)));
}

function goString(receiver: GoValue): string {
  const instant = instantOf(receiver);
  const { year, month, day } = instants.dateOf(instant);
  const { hour, minute, second } = instants.clockOf(instant);
  const place = isLocal(receiver) ? "time.Local" : "time.UTC";
  return `time.Date(${year}, time.${MONTHS[month - 1]}, ${day}, ${hour}, ${minute}, ${second}, ${instant.nanoseconds}, ${place})`;
}

const binary = (receiver: GoValue): string => binaryTime(instantOf(receiver), isLocal(receiver));
const text = (caller: string) => (receiver: GoValue) => strictRfc3339(instantOf(receiver), caller);

const TIME_METHODS: Readonly<Record<string, GoMethod>> = {
  Add: moved([DURATION], (instant, args) => instants.add(instant, integerArgument(args, 0))),
  AddDate: moved([INT, INT, INT], (instant, args) =>
    instants.addDate(instant, integerArgument(args, 0), integerArgument(args, 1), integerArgument(args, 2)),
  ),
  Round: moved([DURATION], (instant, args) => instants.round(instant, integerArgument(args, 0))),
  Truncate: moved([DURATION], (instant, args) => instants.truncate(instant, integerArgument(args, 0))),
  UTC: placed([], () => UTC_LOCATION),
  Local: placed([], () => LOCAL_LOCATION),
  In: placed([LOCATION.pointer], ([place]) => {
    if (place?.kind === "pointer" && place.target === null)
      throw new GoError("time: missing Location in call to Time.In");
    return place;
  }),
  Location: method([], LOCATION.pointer, locationOf),

  After: relation((order) => order > 0),
  Before: relation((order) => order < 0),
  Equal: relation((order) => order === 0),
  Compare: method([TIME], INT, (receiver, args) => int(instants.compare(instantOf(receiver), instantOf(args[0])))),
  IsZero: method([], BOOL, (receiver) => bool(instants.isZero(instantOf(receiver)))),
  IsDST: method([], BOOL, (receiver) => {
    // Only to fail on nil: there is no daylight saving time in UTC.
    instantOf(receiver);
    return bool(false);
  }),
  Sub: method([TIME], DURATION, (receiver, args) =>
    int(instants.subtract(instantOf(receiver), instantOf(args[0])), DURATION),
  ),

  Year: integer((instant) => instants.dateOf(instant).year),
  Month: integer((instant) => instants.dateOf(instant).month, MONTH),
  Day: integer((instant) => instants.dateOf(instant).day),
  YearDay: integer((instant) => instants.dateOf(instant).dayOfYear + 1),
  Weekday: integer(instants.weekdayOf, WEEKDAY),
  Hour: integer((instant) => instants.clockOf(instant).hour),
  Minute: integer((instant) => instants.clockOf(instant).minute),
  Second: integer((instant) => instants.clockOf(instant).second),
  Nanosecond: integer((instant) => instant.nanoseconds),
  Unix: integer(instants.unixSeconds, INT64),
  UnixMilli: integer((at) => instants.unixSeconds(at) * 1000n + BigInt(Math.floor(at.nanoseconds / 1e6)), INT64),
  UnixMicro: integer((at) => instants.unixSeconds(at) * 1_000_000n + BigInt(Math.floor(at.nanoseconds / 1e3)), INT64),
  UnixNano: integer((at) => instants.unixSeconds(at) * 1_000_000_000n + BigInt(at.nanoseconds), INT64),

  Format: method([STRING], STRING, (receiver, args) => string(formatTime(instantOf(receiver), textArgument(args, 0)))),
  AppendFormat: method([BYTES, STRING], BYTES, (receiver, args) =>
    byteSlice(textArgument(args, 0) + formatTime(instantOf(receiver), textArgument(args, 1))),
  ),
  String: method([], STRING, (receiver) =>
    string(formatTime(instantOf(receiver), "2006-01-02 15:04:05.999999999 -0700 MST")),
  ),
  GoString: method([], STRING, (receiver) => string(goString(receiver))),
  MarshalText: encoded(text("MarshalText")),
  AppendText: appended(text("AppendText")),
  MarshalJSON: encoded((receiver) => `"${text("MarshalJSON")(receiver)}"`),
  MarshalBinary: encoded(binary),
  GobEncode: encoded(binary),
  AppendBinary: appended(binary),

  Clock: uncallable([], [INT, INT, INT]),
  Date: uncallable([], [INT, MONTH, INT]),
  ISOWeek: uncallable([], [INT, INT]),
  Zone: uncallable([], [STRING, INT]),
  ZoneBounds: uncallable([], [TIME, TIME]),
};

function duration(change: (value: bigint, unit: bigint) => bigint, hasUnit: boolean): GoMethod {
  return method(hasUnit ? [DURATION] : [], DURATION, (receiver, args) =>
    int(change(integerArgument([receiver], 0), integerArgument(args, 0)), DURATION),
  );
}

function durationIn(unit: "hours" | "minutes" | "seconds"): GoMethod {
  return method([], FLOAT64, (receiver) => float(inUnits(integerArgument([receiver], 0), unit)));
}

function durationBy(divisor: bigint): GoMethod {
  return method([], INT64, (receiver) => int(integerArgument([receiver], 0) / divisor, INT64));
}

const DURATION_METHODS: Readonly<Record<string, GoMethod>> = {
  Abs: duration(absoluteDuration, false),
  Round: duration(roundDuration, true),
  Truncate: duration(truncateDuration, true),
  Hours: durationIn("hours"),
  Minutes: durationIn("minutes"),
  Seconds: durationIn("seconds"),
  Milliseconds: durationBy(1_000_000n),
  Microseconds: durationBy(1000n),
  Nanoseconds: durationBy(1n),
  String: method([], STRING, (receiver) => string(formatDuration(integerArgument([receiver], 0)))),
};

function named(names: readonly string[], first: bigint, type: string): GoMethod {
  return method([], STRING, (receiver) => {
    const value = integerArgument([receiver], 0);
    return string(nameOr(names, value - first, type, value));
  });
}

for (const [name, entry] of Object.entries(TIME_METHODS)) TIME.methods.set(name, entry);
for (const name of ["GobDecode", "UnmarshalBinary", "UnmarshalJSON", "UnmarshalText"]) {
  TIME.pointerMethods.set(name, refused(name, [BYTES], [ERROR]));
}
for (const [name, entry] of Object.entries(DURATION_METHODS)) DURATION.methods.set(name, entry);
MONTH.methods.set("String", named(MONTHS, 1n, "Month"));
WEEKDAY.methods.set("String", named(WEEKDAYS, 0n, "Weekday"));
LOCATION.pointerMethods.set(
  "String",
  method([], STRING, () => string("UTC")),
);
