import { createServer } from "node:net";

/**
 * Below the ephemeral ports (Linux: from 32768, macOS: from 49152) and the NodePorts. A free port
 * here stays free until it is bound.
 */
const FIRST = 20_000;
const COUNT = 10_000;

/** Concurrent processes begin at different ports. */
let tried = (process.pid * 97) % COUNT;

/**
 * A port of loopback that is free, for a program that is only about to bind it. Each call gives
 * another.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    const port = FIRST + (tried++ % COUNT);
    if (await canBeBound(port)) return port;
  }
  throw new Error(`none of the ports from ${String(FIRST)} to ${String(FIRST + COUNT - 1)} is free`);
}

function canBeBound(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => {
      server.close(() => resolve(true));
    });
  });
}
