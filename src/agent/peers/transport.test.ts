import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { webcrypto } from "node:crypto";
import { afterEach, expect, it } from "vitest";
import { systemRandom } from "../../effects/node/random.ts";
import { eventually } from "../../effects/testing/eventually.fixture.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { recordingLog } from "../../observe/testing/recording-log.fixture.ts";
import { certificatesInMemory } from "./certificate-file.ts";
import { AgentIdentity } from "./identity.ts";
import { makeCertificate } from "./make-certificate.ts";
import { TlsTransport } from "./node/transport.ts";

const stop = new AbortController();
afterEach(() => {
  stop.abort(new Error("the test is over"));
});

it("a port that another process has is tried again, and the agent does not end", async () => {
  const other = createServer().listen(0);
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const clock = manualClock();
  const log = recordingLog();
  const random = systemRandom();
  const make = (now: number): ReturnType<typeof makeCertificate> =>
    makeCertificate({ random, web: webcrypto as webcrypto.Crypto }, now);
  const identity = new AgentIdentity({ clock, store: certificatesInMemory(), make, log });
  const client = new KubeClient(new LabKube({ clock }));
  const transport = new TlsTransport({ client, clock, random: seededRandom(1), log, identity, port });
  let ended = false;
  const serving = transport
    .serve(() => Promise.reject(new Error("nobody asks")), stop.signal)
    .finally(() => {
      ended = true;
    });
  serving.catch(() => undefined);
  const said = (msg: string): boolean => log.lines.some((line) => line.msg === msg);
  await eventually("it has found the port taken", () => {
    return said("cannot listen for transfers to other agents") || ended;
  });
  expect(ended).toBe(false);
  other.close();
  await once(other, "close");
  await clock.advance(10_000);
  await eventually("it listens", () => said("listening for transfers to other agents"));
  const socket = connect(port);
  await once(socket, "connect");
  socket.destroy();
  stop.abort(new Error("the test is over"));
  await serving;
});
