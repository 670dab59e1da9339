import type { OnReadOpts } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { InPlaceStream, Sink } from "../../transfer/wire/in-place.ts";

/** The most bytes of a TLS record. */
const ROOM_BYTES = 16 * 1024;

/** Connects like `tls.connect`. The socket is read like any other until `readInto` is called. */
export function connectInPlace(options: ConnectionOptions): TLSSocket & InPlaceStream {
  let sink: Sink | undefined;
  const own = Buffer.alloc(ROOM_BYTES);
  /** The sink whose room Node fills next. */
  let roomOf: Sink | undefined;
  const onread: OnReadOpts = {
    buffer: () => {
      roomOf = sink;
      return sink?.room() ?? own;
    },
    callback: (count) => {
      if (sink === undefined) return socket.push(Buffer.from(own.subarray(0, count)));
      return sink === roomOf ? sink.filled(count) : putInto(sink, own.subarray(0, count));
    },
  };
  // Node's documentation of `tls.connect` has `onread`, but its type does not.
  const reading: ConnectionOptions & { onread: OnReadOpts } = { ...options, onread };
  const socket = connect(reading);
  return Object.assign(socket, {
    readInto: (next: Sink) => {
      sink = next;
    },
  });
}

/** Copies bytes that arrived elsewhere into the room. */
function putInto(sink: Sink, bytes: Buffer): boolean {
  let more = true;
  for (let at = 0; at < bytes.length;) {
    const copied = bytes.copy(sink.room(), 0, at);
    more = sink.filled(copied);
    at += copied;
  }
  return more;
}
