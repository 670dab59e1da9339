import type { Event } from "../kinds.ts";
import { uidOf, type KubeObject } from "../objects.ts";
import { apiVersionOf, type Resource } from "../resource.ts";
import { secondsTime } from "../timestamps.ts";

/** The object that an event is about. */
export interface EventAbout {
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly uid: string;
  readonly resourceVersion?: string | undefined;
}

/** What happened to it. */
export interface RecordedEvent {
  readonly type: "Normal" | "Warning";
  /** UpperCamelCase, for machines. */
  readonly reason: string;
  /** For people. If it is longer than 1024 bytes, the middle is cut out. */
  readonly message: string;
  /**
   * Events about one object with the same text here are one Event with a count. It shows the latest
   * message. @default type, reason and message
   */
  readonly dedupe?: string;
}

/** The API server's limit for a message, in bytes. */
const LONGEST_MESSAGE = 1024;
const CUT_MARK = "…";

/**
 * The reference to an object that its events carry. apiVersion and kind come from the resource,
 * because the items of a list do not have them.
 */
export function aboutObject<T extends KubeObject>(resource: Resource<T>, object: T): EventAbout {
  const { name = "", namespace, resourceVersion } = object.metadata ?? {};
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name,
    uid: uidOf(object),
    ...(namespace === undefined ? {} : { namespace }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

/**
 * The Event object for a series of occurrences. Events about cluster-scoped objects are in the
 * namespace `default`.
 */
export function newEvent(
  series: {
    readonly name: string;
    readonly about: EventAbout;
    readonly event: RecordedEvent;
    readonly count: number;
    readonly firstAt: number;
    readonly lastAt: number;
  },
  by: { readonly component: string; readonly instance?: string },
): Event & { metadata: { namespace: string } } {
  const { about, event } = series;
  const { kind, apiVersion, name, namespace, uid, resourceVersion } = about;
  return {
    metadata: { name: series.name, namespace: namespace === undefined || namespace === "" ? "default" : namespace },
    involvedObject: {
      kind,
      apiVersion,
      name,
      uid,
      ...(namespace === undefined ? {} : { namespace }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    type: event.type,
    reason: event.reason,
    message: cutToBytes(event.message, LONGEST_MESSAGE),
    count: series.count,
    firstTimestamp: secondsTime(series.firstAt),
    lastTimestamp: secondsTime(series.lastAt),
    source: { component: by.component },
    reportingComponent: by.component,
    reportingInstance: by.instance ?? "",
  };
}

/**
 * Shortens the text to at most `limit` bytes of UTF-8: keeps the beginning and the end, with a mark
 * between them, and breaks no character. The end gets more room, because a wrapped error and the
 * output of a script say at the end what went wrong.
 */
function cutToBytes(text: string, limit: number): string {
  const encoder = new TextEncoder();
  const bytes = encoder.encode(text);
  if (bytes.length <= limit) return text;
  const room = limit - encoder.encode(CUT_MARK).length;
  const beginning = Math.floor(room / 3);
  // encodeInto stops before a character that does not fit whole.
  const { read } = encoder.encodeInto(text, new Uint8Array(beginning));
  let from = bytes.length - (room - beginning);
  while (isContinuation(bytes[from])) from += 1;
  return text.slice(0, read) + CUT_MARK + new TextDecoder().decode(bytes.subarray(from));
}

/** Whether this UTF-8 byte is a continuation byte: not the first byte of a character. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
