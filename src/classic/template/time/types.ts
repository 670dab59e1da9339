import { GoType, INT64, STRING, UINT64 } from "../values/types.ts";
import {
  type GoValue,
  int,
  type Maybe,
  pointer,
  string,
  struct,
  type StructValue,
  uint,
  zero,
} from "../values/values.ts";
import { GoError } from "../error.ts";
import { NIL_DEREFERENCE } from "../values/method.ts";
import type { Instant } from "./instant.ts";

// The types of Go's package time, with the fields that %d and its like would show. Their methods are in methods.ts.

export const DURATION = new GoType("int", "time.Duration");
export const MONTH = new GoType("int", "time.Month");
export const WEEKDAY = new GoType("int", "time.Weekday");

const ZONE = new GoType("struct", "time.zone");
const ZONE_TRANSITION = new GoType("struct", "time.zoneTrans");

export const LOCATION = new GoType("struct", "time.Location", {
  fields: [
    { name: "name", type: STRING },
    { name: "zone", type: ZONE.slice },
    { name: "tx", type: ZONE_TRANSITION.slice },
    { name: "extend", type: STRING },
    { name: "cacheStart", type: INT64 },
    { name: "cacheEnd", type: INT64 },
    { name: "cacheZone", type: ZONE.pointer },
  ],
});

export const TIME = new GoType("struct", "time.Time", {
  fields: [
    { name: "wall", type: UINT64 },
    { name: "ext", type: INT64 },
    { name: "loc", type: LOCATION.pointer },
  ],
});

function location(): GoValue {
  return {
    ...struct(
      LOCATION,
      LOCATION.fields.map((field) => (field.name === "name" ? string("UTC") : zero(field.type))),
    ),
    addressable: true,
  };
}

/** The original's image has no time zone of its own: Local is another place of the same name as UTC. */
const UTC = location();
const LOCAL = location();
export const UTC_LOCATION = pointer(LOCATION.pointer, UTC);
export const LOCAL_LOCATION = pointer(LOCATION.pointer, LOCAL);

/** A time in one of the locations; in UTC Go stores no location. */
export function time(instant: Instant, place: Maybe<GoValue>): StructValue {
  const isUtc = place?.kind !== "pointer" || place.target !== LOCAL;
  return struct(TIME, [
    uint(instant.nanoseconds, UINT64),
    int(instant.seconds, INT64),
    isUtc ? zero(LOCATION.pointer) : LOCAL_LOCATION,
  ]);
}

/** The instant of a time.Time, or of a struct that embeds one. */
export function instantOf(value: Maybe<GoValue>): Instant {
  const { fields } = timeOf(value);
  const [wall, ext] = fields;
  return {
    nanoseconds: wall?.kind === "uint" ? Number(wall.value) : 0,
    seconds: ext?.kind === "int" ? ext.value : 0n,
  };
}

export function locationOf(value: Maybe<GoValue>): GoValue {
  const place = timeOf(value).fields[2];
  return place?.kind === "pointer" && place.target !== null ? place : UTC_LOCATION;
}

export function isLocal(value: Maybe<GoValue>): boolean {
  const place = locationOf(value);
  return place.kind === "pointer" && place.target === LOCAL;
}

function timeOf(value: Maybe<GoValue>): StructValue {
  if (value?.kind === "pointer" && value.target === null) throw new GoError(NIL_DEREFERENCE);
  const held = value?.kind === "pointer" ? value.target : value;
  if (held?.kind !== "struct") throw new GoError(NIL_DEREFERENCE);
  const inner = held.type === TIME ? held : held.fields[0];
  return inner?.kind === "struct" ? inner : held;
}
