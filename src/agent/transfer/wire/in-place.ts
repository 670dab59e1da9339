/*
 * A stream whose bytes go where the reader wants them. Node gives the data of a TLS connection in
 * pieces of 16 KiB, each in memory of its own. A gigabyte needs 65,536 buffers, which are copied
 * twice until they are together in memory from which a disk can take them.
 */
import type { Duplex } from "node:stream";

/** Takes the bytes of a stream. */
export interface Sink {
  /** The memory for the next bytes. It is not empty. */
  room(): Buffer;
  /** Called when `count` bytes are at the beginning of the room. False: read no more for now. */
  filled(count: number): boolean;
}

/** A stream that can put its bytes into the memory of a sink. */
export interface InPlaceStream extends Duplex {
  /** From now on all bytes go to the sink. `resume` lets them come again after it has said no. */
  readInto(sink: Sink): void;
}

export function isInPlace(stream: Duplex): stream is InPlaceStream {
  return "readInto" in stream;
}
