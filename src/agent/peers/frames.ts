import type { Duplex } from "node:stream";
import { messageOf } from "../../observe/errors.ts";
import { peerErrors } from "./errors.ts";

/** A frame: four bytes of length, big-endian, and that many bytes of JSON. */
const LENGTH_BYTES = 4;
export const MOST_FRAME_BYTES = 16 * 1024;

/** A frame with this content. */
export function frameOf(content: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(content));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json]);
}

/**
 * Reads one frame and leaves what follows it in the stream. Rejects with PEER_BAD_FRAME, with the
 * stream's error, or with the signal's reason. Nothing else may read from the stream meanwhile.
 */
export async function readFrame(stream: Duplex, signal: AbortSignal): Promise<unknown> {
  const length = (await readBytes(stream, LENGTH_BYTES, signal)).readUInt32BE();
  if (length === 0 || length > MOST_FRAME_BYTES) {
    throw peerErrors.BAD_FRAME({ why: `a frame of ${String(length)} bytes` });
  }
  const json = await readBytes(stream, length, signal);
  try {
    return JSON.parse(json.toString("utf8"));
  } catch (error) {
    throw peerErrors.BAD_FRAME({ why: messageOf(error) }, { cause: error });
  }
}

function readBytes(stream: Duplex, count: number, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const finish = (end: () => void): void => {
      stream.off("readable", tryRead).off("error", onError).off("end", onEnd).off("close", onEnd);
      signal.removeEventListener("abort", onAbort);
      end();
    };
    const fail = (error: Error): void => {
      finish(() => {
        reject(error);
      });
    };
    const onError = (error: Error): void => {
      fail(error);
    };
    const onEnd = (): void => {
      fail(stream.errored ?? new Error("the connection was closed"));
    };
    const onAbort = (): void => {
      fail(signal.reason as Error);
    };
    const tryRead = (): void => {
      const bytes = stream.read(count) as Buffer | null;
      if (bytes === null) return;
      // At the end of a stream read() gives what there is.
      if (bytes.length < count) onEnd();
      else {
        finish(() => {
          resolve(bytes);
        });
      }
    };
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    if (stream.destroyed || stream.readableEnded) {
      reject(stream.errored ?? new Error("the connection was closed"));
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    stream.on("readable", tryRead).on("error", onError).on("end", onEnd).on("close", onEnd);
    tryRead();
  });
}
