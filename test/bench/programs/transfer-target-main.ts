// The target's end of a copy: asks for one transfer and receives it as an agent does.
import { performance } from "node:perf_hooks";
import { openDirectory } from "../../../src/agent/copies/node/trees.ts";
import type { TransferRequest } from "../../../src/agent/moves/transfer-request.ts";
import { requestTransfer } from "../../../src/agent/peers/node/request-transfer.ts";
import { copyEngine } from "../../../src/agent/transfer/engine.ts";
import { systemClock } from "../../../src/effects/node/clock.ts";
import { LOOPBACK, type Done } from "../move/subjects/end-messages.ts";
import { serveEnd } from "../move/subjects/serve-end.ts";

const REQUEST: TransferRequest = {
  volume: "pvc-1",
  epoch: 1,
  incarnation: "i-1",
  move: "move-1",
  moveUID: "m-1",
  sealing: 1,
};

await serveEnd(async ({ certificate, directory, peer, port }) => {
  const root = await openDirectory(directory);
  const { signal } = new AbortController();
  const source = { node: "source", address: LOOPBACK, port, fingerprints: [peer] };
  const copy = async (): Promise<Done> => {
    try {
      const stream = await requestTransfer({ clock: systemClock(), certificate }, source, REQUEST, signal);
      let arrived = performance.now();
      const { hash } = await copyEngine().receive(root.fd, stream, signal, () => {
        arrived = performance.now();
      });
      return { digest: hash, afterArrivalSeconds: (performance.now() - arrived) / 1000 };
    } finally {
      await root.close();
    }
  };
  return { port: 0, copy };
});
