// The source's end of a copy: serves one transfer as an agent does.
import { openDirectory } from "../../../src/agent/copies/node/trees.ts";
import { serveTransfers } from "../../../src/agent/peers/node/serve-transfers.ts";
import type { SendVolume } from "../../../src/agent/peers/transfers.ts";
import { copyEngine } from "../../../src/agent/transfer/engine.ts";
import { systemClock } from "../../../src/effects/node/clock.ts";
import { silentLog } from "../../../src/observe/log.ts";
import { LOOPBACK, type Done } from "../move/subjects/end-messages.ts";
import { serveEnd } from "../move/subjects/serve-end.ts";

await serveEnd(async ({ certificate, directory, peer, port }) => {
  const root = await openDirectory(directory);
  const { signal } = new AbortController();
  let volume: SendVolume = () => Promise.reject(new Error("nobody waits for a transfer"));
  const sent = new Promise<Done>((resolve, reject) => {
    volume = async (stream) => {
      try {
        resolve({ digest: (await copyEngine().send(root.fd, stream, signal)).hash });
      } catch (error) {
        reject(error as Error);
      }
    };
  });
  const server = await serveTransfers(
    {
      clock: systemClock(),
      log: silentLog,
      host: LOOPBACK,
      port,
      certificate,
      identify: (fingerprint) => (fingerprint === peer ? "target" : undefined),
    },
    () => Promise.resolve(volume),
  );
  const copy = async (): Promise<Done> => {
    try {
      return await sent;
    } finally {
      await server.close();
      await root.close();
    }
  };
  return { port: server.port, copy };
});
