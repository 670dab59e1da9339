// The receiving end of a bare TLS stream: hashes and discards.
import { createHash } from "node:crypto";
import { connect } from "node:tls";
import { LOOPBACK, type Done } from "../move/subjects/end-messages.ts";
import { serveEnd } from "../move/subjects/serve-end.ts";

await serveEnd(({ certificate: { cert, key }, port }) => {
  const copy = async (): Promise<Done> => {
    const hash = createHash("sha256");
    // The bench knows who listens there.
    const socket = connect({ host: LOOPBACK, port, cert, key, minVersion: "TLSv1.3", rejectUnauthorized: false });
    for await (const chunk of socket as AsyncIterable<Buffer>) hash.update(chunk);
    return { digest: hash.digest("hex") };
  };
  return Promise.resolve({ port: 0, copy });
});
