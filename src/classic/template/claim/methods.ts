import { GoError } from "../error.ts";
import { fromText } from "../bytes/utf8.ts";
import { compare, dateOf, isZero, unixSeconds } from "../time/instant.ts";
import { formatTime, RFC3339 } from "../time/layout.ts";
import "../time/methods.ts";
import { instantOf, time, TIME, UTC_LOCATION } from "../time/types.ts";
import { fallible, method, NIL_DEREFERENCE, refused, uncallable } from "../values/method.ts";
import {
  ANY,
  BOOL,
  ERROR,
  type GoMethod,
  GoType,
  INT,
  INT32,
  INT64,
  STRING,
  STRING_MAP,
  UINT8,
} from "../values/types.ts";
import {
  bool,
  byteSlice,
  bytesOf,
  type GoValue,
  int,
  type Maybe,
  pointer,
  slice,
  string,
  struct,
  zero,
} from "../values/values.ts";
import { describeEntry, describeReference } from "./describe.ts";
import { FIELDS_V1, MANAGED_FIELDS_ENTRY, META_TIME, OBJECT_META, OWNER_REFERENCE, TIMESTAMP } from "./types.ts";
import { wire } from "./wire.ts";

// The methods of the Kubernetes types in a claim's metadata. Importing this file gives them to the types.

const BYTES = UINT8.slice;
const PACKAGE = "k8s.io/apimachinery/pkg/apis/meta/v1.";
const MODEL = "io.k8s.apimachinery.pkg.apis.meta.v1.";
/** Only there to be a parameter: no template can make one. */
const RANDOM = new GoType("struct", "rand.Rand").pointer;
const READER = new GoType("interface", "v1.FieldsV1Reader");

function target(receiver: Maybe<GoValue>): GoValue {
  if (receiver?.kind !== "pointer") return receiver ?? zero(META_TIME);
  if (receiver.target === null) throw new GoError(NIL_DEREFERENCE);
  return receiver.target;
}

function isNilPointer(value: Maybe<GoValue>): boolean {
  return value?.kind === "pointer" && value.target === null;
}

/** A method that the type itself declares on values: Go has words of its own for calling it on nil. */
function onValue(type: GoType, name: string, inner: GoMethod): GoMethod {
  const bare = type.name.replace("v1.", "");
  return {
    ...inner,
    call: (receiver, args) => {
      if (isNilPointer(receiver)) {
        throw new GoError(`value method ${PACKAGE}${bare}.${name} called using nil *${bare} pointer`);
      }
      return inner.call(receiver, args);
    },
  };
}

function declare(type: GoType, methods: Readonly<Record<string, GoMethod>>): void {
  for (const [name, inner] of Object.entries(methods)) type.methods.set(name, onValue(type, name, inner));
}

function declareOnPointer(type: GoType, methods: Readonly<Record<string, GoMethod>>): void {
  for (const [name, inner] of Object.entries(methods)) type.pointerMethods.set(name, inner);
}

const text = (read: (receiver: GoValue) => string): GoMethod =>
  method([], STRING, (receiver) => string(read(receiver)));

/** What every type generated for the API has. */
function generated(type: GoType): void {
  declare(type, { OpenAPIModelName: text(() => MODEL + type.name.replace("v1.", "")) });
  declareOnPointer(type, {
    DeepCopy: method([], type.pointer, (receiver) =>
      isNilPointer(receiver) ? receiver : pointer(type.pointer, { ...target(receiver), addressable: false }),
    ),
    DeepCopyInto: uncallable([type.pointer], []),
    Marshal: fallible([], BYTES, (receiver) => byteSlice(marshalled(receiver))),
    MarshalTo: refused("MarshalTo", [BYTES], [INT, ERROR]),
    MarshalToSizedBuffer: refused("MarshalToSizedBuffer", [BYTES], [INT, ERROR]),
    Reset: uncallable([], []),
    Size: method([], INT, (receiver) => int(wire(receiver).length)),
    Unmarshal: refused("Unmarshal", [BYTES], [ERROR]),
  });
}

/** Nil where there is nothing to encode, for the one type that makes the difference. */
function marshalled(receiver: GoValue): string | null {
  const bytes = wire(receiver);
  const isTime = receiver.type === META_TIME.pointer;
  if (isNilPointer(receiver) && !isTime && receiver.type !== FIELDS_V1.pointer) throw new GoError(NIL_DEREFERENCE);
  return isTime && bytes === "" ? null : bytes;
}

for (const type of [META_TIME, TIMESTAMP, FIELDS_V1, OWNER_REFERENCE, MANAGED_FIELDS_ENTRY]) generated(type);
declare(OBJECT_META, { OpenAPIModelName: text(() => `${MODEL}ObjectMeta`) });
for (const type of [OBJECT_META, OWNER_REFERENCE, MANAGED_FIELDS_ENTRY, FIELDS_V1]) {
  declare(type, { SwaggerDoc: refused("SwaggerDoc", [], [STRING_MAP]) });
}

// metav1.Time: what it embeds, except where it has a method of the same name itself.
for (const [name, inner] of TIME.methods) {
  if (!["IsZero", "Before", "Equal", "MarshalJSON"].includes(name)) META_TIME.methods.set(name, inner);
}
for (const [name, inner] of TIME.pointerMethods) META_TIME.pointerMethods.set(name, inner);

/** RFC 3339 in whole seconds; nothing for the zero time. */
function shortTime(receiver: GoValue): string | undefined {
  const instant = instantOf(receiver);
  return isZero(instant) ? undefined : formatTime(instant, RFC3339);
}

declare(META_TIME, {
  MarshalJSON: fallible([], BYTES, (receiver) => {
    const short = shortTime(receiver);
    return byteSlice(short === undefined ? "null" : `"${short}"`);
  }),
  MarshalCBOR: fallible([], BYTES, (receiver) => {
    const short = shortTime(receiver);
    // A byte string: its length goes into the first byte, or from 24 on into the second.
    if (short === undefined) return byteSlice("\xf6");
    const length = String.fromCharCode(...(short.length < 24 ? [0x40 + short.length] : [0x58, short.length]));
    return byteSlice(length + short);
  }),
  MarshalQueryParameter: fallible([], STRING, (receiver) => string(shortTime(receiver) ?? "")),
  OpenAPISchemaFormat: text(() => "date-time"),
  OpenAPISchemaType: method([], STRING.slice, () => slice(STRING, [string("string")])),
  Rfc3339Copy: method([], META_TIME, (receiver) => {
    const instant = instantOf(receiver);
    const { year } = dateOf(instant);
    // What does not read back, a year beyond four digits, becomes the zero time.
    const copy = year < 0 || year > 9999 ? { seconds: 0n, nanoseconds: 0 } : { ...instant, nanoseconds: 0 };
    return struct(META_TIME, [time(copy, UTC_LOCATION)]);
  }),
  ToUnstructured: method([], ANY, (receiver) => {
    const short = shortTime(receiver);
    return { kind: "interface", type: ANY, inner: short === undefined ? null : string(short), addressable: false };
  }),
});

const order = (a: GoValue, b: Maybe<GoValue>): number => compare(instantOf(target(a)), instantOf(target(b)));

declareOnPointer(META_TIME, {
  IsZero: method([], BOOL, (receiver) => bool(isNilPointer(receiver) || isZero(instantOf(receiver)))),
  Before: method([META_TIME.pointer], BOOL, (receiver, [other]) =>
    bool(!isNilPointer(receiver) && !isNilPointer(other) && order(receiver, other) < 0),
  ),
  Equal: method([META_TIME.pointer], BOOL, (receiver, [other]) => {
    if (isNilPointer(receiver) || isNilPointer(other)) return bool(isNilPointer(receiver) && isNilPointer(other));
    return bool(order(receiver, other) === 0);
  }),
  ProtoTime: method([], TIMESTAMP.pointer, (receiver) => {
    const seconds = isNilPointer(receiver) ? 0n : unixSeconds(instantOf(receiver));
    return pointer(TIMESTAMP.pointer, struct(TIMESTAMP, [int(seconds, INT64), int(0n, INT32)]));
  }),
  RandFill: uncallable([RANDOM], []),
  UnmarshalCBOR: refused("UnmarshalCBOR", [BYTES], [ERROR]),
  UnmarshalJSON: refused("UnmarshalJSON", [BYTES], [ERROR]),
  UnmarshalQueryParameter: refused("UnmarshalQueryParameter", [STRING], [ERROR]),
});

declareOnPointer(TIMESTAMP, { String: text((receiver) => describeTimestamp(receiver)) });
declareOnPointer(OWNER_REFERENCE, { String: text((receiver) => describeReference(receiver)) });
declareOnPointer(MANAGED_FIELDS_ENTRY, { String: text((receiver) => describeEntry(receiver)) });

function describeTimestamp(receiver: GoValue): string {
  if (isNilPointer(receiver)) return "nil";
  const held = target(receiver);
  const seconds = held.kind === "struct" && held.fields[0]?.kind === "int" ? held.fields[0].value : 0n;
  return `&Timestamp{Seconds:${seconds},Nanos:0,}`;
}

/** The JSON text of a set of fields. */
function raw(receiver: Maybe<GoValue>): string {
  if (receiver === undefined || isNilPointer(receiver)) return "";
  const held = target(receiver);
  const bytes = held.kind === "struct" ? held.fields[0] : undefined;
  return bytes?.kind === "slice" ? bytesOf(bytes) : "";
}

function rawBytes(receiver: GoValue): GoValue {
  const held: Maybe<GoValue> = isNilPointer(receiver) ? undefined : target(receiver);
  return (held?.kind === "struct" ? held.fields[0] : undefined) ?? zero(BYTES);
}

declare(FIELDS_V1, {
  String: text(raw),
  Equal: method([FIELDS_V1], BOOL, (receiver, [other]) => bool(raw(receiver) === raw(other))),
  MarshalJSON: fallible([], BYTES, (receiver) => byteSlice(raw(receiver) === "" ? fromText("null") : raw(receiver))),
  MarshalCBOR: refused("MarshalCBOR", [], [BYTES, ERROR]),
});
declareOnPointer(FIELDS_V1, {
  GetRawBytes: method([], BYTES, rawBytes),
  GetRawString: text(raw),
  GetRawReader: refused("GetRawReader", [], [READER]),
  SetRawBytes: uncallable([BYTES], []),
  SetRawString: uncallable([STRING], []),
  UnmarshalCBOR: refused("UnmarshalCBOR", [BYTES], [ERROR]),
  UnmarshalJSON: refused("UnmarshalJSON", [BYTES], [ERROR]),
});
