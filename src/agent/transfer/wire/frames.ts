/*
 * Frames on the stream between two agents. A stream begins with a header, MAGIC and the version (16
 * bits). A frame is
 *
 *   length of the payload (32 bits)
 *   type (8 bits)
 *   CRC-32 of the payload; 0 for a piece of a file's data
 *   CRC-32 of what stands before
 *   payload
 *
 * in little-endian order. The second CRC finds a damaged length before anybody waits for so many
 * bytes. What protects the data is the hash of their file, and TLS: a CRC of them would find
 * nothing that these do not (ADR 7).
 */
import { crc32 } from "node:zlib";
import { transferErrors } from "../errors.ts";

/**
 * 2: the target says first what it lacks, changed files are patched, and a small file comes in one
 * frame. 3: data have no CRC.
 */
export const WIRE_VERSION = 3;
const MAGIC = Buffer.from("MOORXFER");
export const HEADER_BYTES = MAGIC.length + 2;

/**
 * A piece of data, an extended attribute of 64 KiB, or a path of the deepest tree, with what goes
 * with it.
 */
export const PAYLOAD_MAX = 1024 * 1024 + 4096;
/** Of the payload of a piece of data, before the data. */
export const OFFSET_BYTES = 8;
export const FRAME_HEAD_BYTES = 13;
const PAYLOAD_CRC_AT = 5;
const HEAD_CRC_AT = 9;

/** The type of a piece of a file's data. */
export const DATA = 2;

/** What a frame holds. */
export interface Frame {
  readonly type: number;
  /** Of a piece of data it is overwritten when the third one after it arrives. */
  readonly payload: Buffer;
}

/** What the source sends first. */
export function streamHeader(version = WIRE_VERSION): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt16LE(version, MAGIC.length);
  return header;
}

/** Throws unless the header is one of this version. */
export function checkStreamHeader(header: Buffer): void {
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw transferErrors.WIRE_INVALID({ why: "it does not begin as a transfer does" });
  }
  const got = header.readUInt16LE(MAGIC.length);
  if (got !== WIRE_VERSION) throw transferErrors.WIRE_VERSION({ got, known: WIRE_VERSION });
}

/** The head of a frame whose payload consists of these parts. */
export function frameHead(type: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > PAYLOAD_MAX) throw new Error(`a frame of ${String(length)} bytes`);
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32LE(length, 0);
  head.writeUInt8(type, 4);
  let checksum = 0;
  if (type !== DATA) for (const part of parts) checksum = crc32(part, checksum);
  head.writeUInt32LE(checksum, PAYLOAD_CRC_AT);
  head.writeUInt32LE(crc32(head.subarray(0, HEAD_CRC_AT)), HEAD_CRC_AT);
  return head;
}

/** The length that a head announces, within its bound. */
export function payloadLength(head: Buffer): number {
  if (crc32(head.subarray(0, HEAD_CRC_AT)) !== head.readUInt32LE(HEAD_CRC_AT)) throw damaged();
  const length = head.readUInt32LE(0);
  if (length > PAYLOAD_MAX) throw transferErrors.WIRE_INVALID({ why: `a frame of ${String(length)} bytes` });
  return length;
}

/** Whether a frame with this head is a piece of a file's data. */
export function isData(head: Buffer): boolean {
  return head.readUInt8(4) === DATA;
}

/** Puts head and payload together, if the checksum agrees. Data have none. */
export function checkedFrame(head: Buffer, payload: Buffer): Frame {
  if ((isData(head) ? 0 : crc32(payload)) !== head.readUInt32LE(PAYLOAD_CRC_AT)) throw damaged();
  return { type: head.readUInt8(4), payload };
}

function damaged(): Error {
  return transferErrors.WIRE_BROKEN({ why: "a frame was damaged on its way" });
}
