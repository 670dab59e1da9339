/*
 * The messages in the frames. The target begins with `lacking`. Then the source sends the steps of
 * its tree (tree/scan.ts), then `summary`. The target answers `done` when everything is durable and
 * was read back. A source sends `keep`, `kept` and `patch` only if the target has asked to continue
 * an earlier pass, and only for files that the target does not lack.
 */
import * as z from "zod";
import { transferErrors } from "../errors.ts";
import { passFigures, type PassFigures } from "../passes/figures.ts";
import { KEY_BYTES } from "../passes/file-records.ts";
import { MOST_LACKING, type Lacking } from "../passes/lacking.ts";
import type { Change } from "../content/changes.ts";
import { chunkAt } from "../content/chunks.ts";
import { PIECE } from "../content/contents.ts";
import type { Entry, EntryType, Head } from "../tree/entry.ts";
import { nameFault, type TreePath } from "../tree/path.ts";
import { DEEPEST } from "../tree/safe-open.ts";
import type { Has, ScanStep } from "../tree/scan.ts";
import { treeSummarySchema, type TreeSummary } from "../tree/summary.ts";
import type { Channel } from "./channel.ts";
import { FieldReader, FieldWriter } from "./fields.ts";
import { DATA, type Frame } from "./frames.ts";
import { printable } from "../../sys/libc.ts";

const OPEN = 1;
const XATTR = 3;
const CLOSE = 4;
const SUMMARY = 5;
const DONE = 6;
/** OPEN of a file whose content the target already has. */
const KEEP = 7;
/** OPEN of a file that the target has in another state. */
const PATCH = 8;
/** Chunks of a patched file that hold zeros now. */
const ZEROS = 9;
const LACKING = 10;
/** Stands in LACKING for the number of files that have arrived: the pass is whole. */
const WHOLE = -1n;
/** OPEN, DATA and CLOSE of a small file without attributes. */
const SMALL = 11;
/** KEEP and CLOSE of a file without attributes. */
const KEPT = 12;

/** The number of a type on the wire is its index in this list. */
const TYPES = [
  "directory",
  "file",
  "symlink",
  "fifo",
  "character",
  "block",
  "link",
  "socket",
] as const satisfies EntryType[];
/** The length of a ContentHash. */
const CONTENT_BYTES = 32;
const MODE_BITS = 0o7777;
/**
 * A bit of the mode. It says that the time comes as seconds and nanoseconds, because it does not
 * fit into 64 bits of nanoseconds (before 1677 or after 2262). An agent that is too old to know
 * this bit refuses such a mode.
 */
const FAR_TIME = 0x8000_0000;
const SECOND_NS = 1_000_000_000n;
/** PATH_MAX. */
const TARGET_MAX = 4096;

/**
 * A message from the source: a step as it was sent, or the summary. Of a file's `close` only the
 * hash of the content is on the wire.
 */
export type Message =
  | ({ readonly kind: "open"; readonly name: Buffer; readonly head: Head } & Has)
  | Change
  | { readonly kind: "xattr"; readonly name: string; readonly value: Buffer }
  | { readonly kind: "close"; readonly content: string }
  | ({ readonly kind: "small" } & SmallMessage)
  | ({ readonly kind: "kept" } & KeptMessage)
  | { readonly kind: "summary"; readonly summary: TreeSummary; readonly figures?: PassFigures | undefined };

/** A file without attributes whose content the target already has. */
export interface KeptMessage {
  readonly name: Buffer;
  readonly head: Head;
  readonly content: string;
}

/** A whole small file without attributes. */
export interface SmallMessage extends KeptMessage {
  readonly bytes: Buffer;
}

/** Sends one step of the source's tree. Undefined: there is nothing to wait for. */
export function sendStep(channel: Channel, step: ScanStep): Promise<void> | undefined {
  switch (step.kind) {
    case "open": {
      const { kept, patches } = step;
      const opened = encodeOpen(step.name, step.head);
      if (kept !== undefined) return channel.write(KEEP, Buffer.from(kept, "hex"), opened);
      if (patches !== undefined) return channel.write(PATCH, Buffer.from(patches, "hex"), opened);
      return channel.write(OPEN, opened);
    }
    case "data":
      return channel.write(DATA, new FieldWriter().int64(BigInt(step.offset)).done(), step.bytes);
    case "zeros":
      return channel.write(ZEROS, new FieldWriter().int64(BigInt(step.start)).int64(BigInt(step.end)).done());
    case "xattr":
      return channel.write(XATTR, new FieldWriter().bytes(Buffer.from(step.name, "latin1")).done(), step.value);
    case "close":
      return channel.write(CLOSE, Buffer.from(step.entry.content ?? "", "latin1"));
    case "small":
      return channel.write(SMALL, encodeWhole(step.entry), step.bytes);
    case "kept":
      return channel.write(KEPT, encodeWhole(step.entry));
    case "counted":
      throw new Error("a counted name is not for the wire");
  }
}

/** A file without attributes: its content's hash and its open. */
function encodeWhole({ content = "", head, path }: Entry): Buffer {
  return encodeOpen(path.at(-1) ?? Buffer.alloc(0), head, new FieldWriter().hex(content));
}

/** Sends the source's summary, its last message, and the figures of the pass if they are wanted. */
export async function sendSummary(channel: Channel, summary: TreeSummary, figures?: PassFigures): Promise<void> {
  await channel.write(SUMMARY, Buffer.from(JSON.stringify({ ...summary, figures })));
  await channel.flush();
}

/** Sends what the target lacks, its first message. */
export async function sendLacking(channel: Channel, { arrived, files, chunks }: Lacking): Promise<void> {
  const keys = Buffer.from([...files].join(""), "latin1");
  const head = new FieldWriter().uint(chunks ? 1 : 0).int64(arrived === undefined ? WHOLE : BigInt(arrived));
  await channel.write(LACKING, head.done(), keys);
  await channel.flush();
}

/** What the target lacks. */
export async function receiveLacking(channel: Channel): Promise<Lacking> {
  const { type, payload } = await channel.read();
  const invalid = (): Error => {
    return transferErrors.WIRE_INVALID({ why: `the first frame has type ${String(type)}` });
  };
  if (type !== LACKING) throw invalid();
  const fields = new FieldReader(payload);
  const chunks = fields.uint();
  const arrived = fields.int64();
  const keys = fields.rest().toString("latin1");
  const count = keys.length / KEY_BYTES;
  if (chunks > 1 || arrived < WHOLE || !Number.isInteger(count) || count > MOST_LACKING) throw invalid();
  const files = Array.from({ length: count }, (_, place) => keys.slice(place * KEY_BYTES, (place + 1) * KEY_BYTES));
  return { files: new Set(files), chunks: chunks === 1, arrived: arrived === WHOLE ? undefined : Number(arrived) };
}

/** Sends the target's answer. */
export async function sendDone(channel: Channel, summary: TreeSummary): Promise<void> {
  await channel.write(DONE, Buffer.from(JSON.stringify(summary)));
  await channel.flush();
}

/** The target's answer. */
export async function receiveDone(channel: Channel): Promise<TreeSummary> {
  const { type, payload } = await channel.read();
  if (type !== DONE) throw transferErrors.WIRE_INVALID({ why: `a frame of type ${String(type)} as the answer` });
  return parseSummary(payload, treeSummarySchema);
}

/** The next message of the source. */
export async function receiveMessage(channel: Channel): Promise<Message> {
  return decode(await channel.read());
}

/** The same, if it has arrived already. */
export function receiveHere(channel: Channel): Message | undefined {
  const frame = channel.readHere();
  return frame === undefined ? undefined : decode(frame);
}

function decode({ type, payload }: Frame): Message {
  const fields = new FieldReader(payload);
  switch (type) {
    case OPEN:
      return { kind: "open", ...wholeOpen(fields) };
    case SMALL: {
      const content = fields.take(CONTENT_BYTES).toString("hex");
      const opened = decodeOpen(fields);
      const bytes = fields.rest();
      if (opened.head.size !== bytes.length) throw transferErrors.WIRE_INVALID({ why: "a small file of another size" });
      return { kind: "small", ...opened, content, bytes };
    }
    case KEPT:
    case KEEP:
    case PATCH: {
      const content = fields.take(CONTENT_BYTES).toString("hex");
      const opened = wholeOpen(fields);
      if (opened.head.type !== "file") throw transferErrors.WIRE_INVALID({ why: "the content of what is no file" });
      if (type === KEPT) return { kind: "kept", ...opened, content };
      return { kind: "open", ...opened, ...(type === KEEP ? { kept: content } : { patches: content }) };
    }
    case DATA:
      return dataOf(fields.size(), fields.rest());
    case ZEROS:
      return { kind: "zeros", start: fields.size(), end: fields.size() };
    case XATTR: {
      const name = fields.bytes();
      if (name.length === 0 || name.includes(0))
        throw transferErrors.WIRE_INVALID({ why: "an attribute without name" });
      return { kind: "xattr", name: name.toString("latin1"), value: fields.rest() };
    }
    case CLOSE:
      return { kind: "close", content: payload.toString("latin1") };
    case SUMMARY:
      return { kind: "summary", ...lastOf(parseSummary(payload, lastMessage)) };
    default:
      throw transferErrors.WIRE_INVALID({ why: `a frame of the unknown type ${String(type)}` });
  }
}

function dataOf(offset: number, bytes: Buffer): Message {
  const isPiece = bytes.length > 0 && bytes.length <= PIECE;
  if (!isPiece || chunkAt(offset) !== chunkAt(offset + bytes.length - 1)) {
    throw transferErrors.WIRE_INVALID({ why: `a piece of ${String(bytes.length)} bytes at ${String(offset)}` });
  }
  return { kind: "data", offset, bytes };
}

function encodeOpen(name: Buffer, head: Head, fields = new FieldWriter()): Buffer {
  fields.bytes(name).uint(TYPES.indexOf(head.type));
  if (head.type === "link") {
    const first = head.first ?? [];
    fields.uint(first.length);
    for (const part of first) fields.bytes(part);
    return fields.done();
  }
  const isFar = BigInt.asIntN(64, head.mtimeNs) !== head.mtimeNs;
  fields
    .uint(isFar ? FAR_TIME + head.mode : head.mode)
    .uint(head.uid)
    .uint(head.gid);
  if (isFar) {
    const rest = ((head.mtimeNs % SECOND_NS) + SECOND_NS) % SECOND_NS;
    fields.int64((head.mtimeNs - rest) / SECOND_NS).uint(Number(rest));
  } else fields.int64(head.mtimeNs);
  if (head.size !== undefined) fields.int64(BigInt(head.size));
  if (head.target !== undefined) fields.bytes(head.target);
  if (head.rdev !== undefined) fields.uint(head.rdev.major).uint(head.rdev.minor);
  return fields.done();
}

function decodeOpen(fields: FieldReader): { name: Buffer; head: Head } {
  const name = fields.bytes();
  const code = fields.uint();
  const type = TYPES[code];
  if (type === undefined) throw transferErrors.WIRE_INVALID({ why: `an entry of the unknown type ${String(code)}` });
  const head = type === "link" ? linkHead(fields) : ownHead(fields, type);
  return { name, head };
}

function wholeOpen(fields: FieldReader): { name: Buffer; head: Head } {
  const open = decodeOpen(fields);
  fields.end();
  return open;
}

function linkHead(fields: FieldReader): Head {
  const count = fields.uint();
  if (count === 0 || count > DEEPEST + 1)
    throw transferErrors.WIRE_INVALID({ why: "a path that is too long or empty" });
  const first: TreePath = Array.from({ length: count }, () => checkedName(fields.bytes()));
  return { type: "link", mode: 0, uid: 0, gid: 0, mtimeNs: 0n, first };
}

function ownHead(fields: FieldReader, type: Exclude<EntryType, "link">): Head {
  const sent = fields.uint();
  const isFar = sent >= FAR_TIME;
  const mode = isFar ? sent - FAR_TIME : sent;
  if ((mode & ~MODE_BITS) !== 0) throw transferErrors.WIRE_INVALID({ why: `the mode ${sent.toString(8)}` });
  const [uid, gid] = [fields.uint(), fields.uint()];
  const common = { mode, uid, gid, mtimeNs: isFar ? farTime(fields) : fields.int64() };
  switch (type) {
    case "file":
      return { type, ...common, size: fields.size() };
    case "symlink":
      return { type, ...common, target: targetOf(fields.bytes()) };
    case "character":
    case "block":
      return { type, ...common, rdev: { major: fields.uint(), minor: fields.uint() } };
    case "directory":
    case "fifo":
    case "socket":
      return { type, ...common };
  }
}

function farTime(fields: FieldReader): bigint {
  const ns = fields.int64() * SECOND_NS + BigInt(fields.uint());
  if (BigInt.asIntN(64, ns) === ns) throw transferErrors.WIRE_INVALID({ why: "a time that is not far away" });
  return ns;
}

function targetOf(target: Buffer): Buffer {
  if (target.length === 0 || target.length > TARGET_MAX || target.includes(0)) {
    throw transferErrors.WIRE_INVALID({ why: "a symlink whose text cannot be one" });
  }
  return target;
}

/** Gives a name from the wire back. Throws if it cannot be one component of a path. */
export function checkedName(name: Buffer): Buffer {
  const why = nameFault(name);
  if (why !== undefined) throw transferErrors.NAME_REFUSED({ name: printable(name), why });
  return name;
}

const summaryText = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: "custom", message: "not JSON" });
    return z.NEVER;
  }
});

/** The content of SUMMARY. */
const lastMessage = treeSummarySchema.extend({ figures: passFigures.optional() });

function lastOf({
  figures,
  ...summary
}: z.infer<typeof lastMessage>): Pick<Message & { kind: "summary" }, "summary" | "figures"> {
  return { summary, figures };
}

function parseSummary<T>(payload: Buffer, schema: z.ZodType<T>): T {
  const result = summaryText.pipe(schema).safeParse(payload.toString("utf8"));
  if (!result.success) throw transferErrors.WIRE_INVALID({ why: "a summary that is none" });
  return result.data;
}
