import { createServer } from "node:net";

/**
 * Where kernels give no port to somebody who asks for any (Linux begins at 32768, macOS at 49152),
 * and below the ports of Kubernetes' Services: what is free there stays so until it is bound.
 */
const FIRST = 20_000;
const COUNT = 10_000;

/** Processes beside each other begin at different ones. */
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
