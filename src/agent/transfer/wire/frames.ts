/*
 * Frames on the stream between two agents. A stream begins with a header, MAGIC and the version (16
 * bits). A frame is
 *
 *   length of the payload (32 bits)
 *   type (8 bits)
 *   CRC-32 of the payload; 0 for a piece of a file's data
 *   CRC-32 of the fields before it
 *   payload
 *
 * in little-endian order. The second CRC finds a damaged length before the reader waits for that
 * many bytes. The data is protected by the hash of its file, and by TLS. A CRC would find nothing
 * that these do not find (ADR 7).
 */
import { crc32 } from "node:zlib";
import { transferErrors } from "../errors.ts";

/**
 * Since version 2 the target begins with the files that it lacks, changed files are patched, and a
 * small file comes in one frame. Since version 3 data has no CRC. Since version 4 a kept file comes
 * in one frame. Since version 5 the target says how many files of a broken pass it has.
 */
export const WIRE_VERSION = 5;
const MAGIC = Buffer.from("MOORXFER");
export const HEADER_BYTES = MAGIC.length + 2;

/**
 * The longest payload: a piece of data, an extended attribute of 64 KiB, or a path of the deepest
 * tree, each with its other fields.
 */
export const PAYLOAD_MAX = 1024 * 1024 + 4096;
/** The bytes of the offset at the beginning of a data frame's payload. */
export const OFFSET_BYTES = 8;
export const FRAME_HEAD_BYTES = 13;
const PAYLOAD_CRC_AT = 5;
const HEAD_CRC_AT = 9;

/** The type of a frame with a piece of a file's data. */
export const DATA = 2;

/** A received frame. */
export interface Frame {
  readonly type: number;
  /** The payload of a piece of data is overwritten when the third piece after it arrives. */
  readonly payload: Buffer;
}

/** The header, which the source sends first. */
export function streamHeader(version = WIRE_VERSION): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt16LE(version, MAGIC.length);
  return header;
}

/** Throws unless this is a header of our version. */
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
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  head.writeUInt32LE(length, 0);
  head.writeUInt8(type, 4);
  let checksum = 0;
  if (type !== DATA) for (const part of parts) checksum = crc32(part, checksum);
  head.writeUInt32LE(checksum, PAYLOAD_CRC_AT);
  head.writeUInt32LE(crc32(head.subarray(0, HEAD_CRC_AT)), HEAD_CRC_AT);
  return head;
}

/** The length of the payload from the head of a frame. Throws when it is too long or damaged. */
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

/** Makes the frame of a head and a payload. Throws when the checksum differs. Data has none. */
export function checkedFrame(head: Buffer, payload: Buffer): Frame {
  if ((isData(head) ? 0 : crc32(payload)) !== head.readUInt32LE(PAYLOAD_CRC_AT)) throw damaged();
  return { type: head.readUInt8(4), payload };
}

function damaged(): Error {
  return transferErrors.WIRE_BROKEN({ why: "a frame was damaged on its way" });
}
