// The sending end of a bare TLS stream: reads one file after the other, hashes, sends.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { LOOPBACK, type Done } from "../move/subjects/end-messages.ts";
import { serveEnd } from "../move/subjects/serve-end.ts";

/** As much as our own engine reads at once. */
const PIECE = 1024 * 1024;

await serveEnd(async ({ certificate: { cert, key }, directory, port }) => {
  const server = createServer({ cert, key, minVersion: "TLSv1.3" });
  const connected = once(server, "secureConnection") as Promise<[TLSSocket]>;
  server.listen(port, LOOPBACK);
  await once(server, "listening");
  const copy = async (): Promise<Done> => {
    const [socket] = await connected;
    const digest = await send(directory, socket);
    socket.end();
    // The target ends its side when it has hashed everything.
    socket.resume();
    await once(socket, "close");
    server.close();
    return { digest };
  };
  return { port: (server.address() as AddressInfo).port, copy };
});

async function send(directory: string, socket: TLSSocket): Promise<string> {
  const hash = createHash("sha256");
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile())) {
    const file = join(entry.parentPath, entry.name);
    const reading = createReadStream(file, { highWaterMark: PIECE });
    for await (const chunk of reading as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (!socket.write(chunk)) await once(socket, "drain");
    }
  }
  return hash.digest("hex");
}
