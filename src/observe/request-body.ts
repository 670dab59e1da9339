import type { IncomingMessage } from "node:http";

/**
 * The whole body of a request, or undefined when it is larger than `limit` bytes. The bytes beyond
 * the limit are read and dropped, because a client that is answered while it still sends may not
 * see the answer. Rejects when the client disconnects before the end.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
    else chunks.length = 0;
  }
  return size <= limit ? Buffer.concat(chunks, size) : undefined;
}
