import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Two ends of one connection over a unix socket. */
export async function socketPair(): Promise<readonly [Socket, Socket]> {
  const directory = mkdtempSync(join(tmpdir(), "mooring-socket-"));
  const path = join(directory, "s");
  const server = createServer();
  server.listen(path);
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const near = connect(path);
  const [far] = await accepted;
  server.close();
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    rmSync(directory, { recursive: true, force: true });
  });
  return [near, far];
}

/** What happens to the bytes that go from the source to the target; `at` counts them from 0. */
export type Tamper = (chunk: Buffer, at: number) => Buffer | "cut";

/**
 * Two ends with a relay between them that may change what the first one sends, or cut the
 * connection.
 */
export async function tamperedPair(tamper: Tamper): Promise<readonly [Socket, Socket]> {
  const [source, relayIn] = await socketPair();
  const [relayOut, target] = await socketPair();
  let at = 0;
  const cut = (): void => {
    relayIn.destroy();
    relayOut.destroy();
  };
  relayIn.on("data", (chunk) => {
    const changed = tamper(chunk, at);
    at += chunk.length;
    if (changed === "cut") cut();
    else if (!relayOut.write(changed)) {
      relayIn.pause();
      relayOut.once("drain", () => relayIn.resume());
    }
  });
  relayIn.on("end", () => relayOut.end());
  relayOut.on("data", (chunk) => relayIn.write(chunk));
  relayOut.on("end", () => relayIn.end());
  for (const socket of [relayIn, relayOut]) {
    socket.on("error", cut);
    socket.on("close", cut);
  }
  return [source, target];
}
