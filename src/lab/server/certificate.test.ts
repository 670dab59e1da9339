import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../effects/node/clock.ts";
import { makeCertificate, type ServerCertificate } from "./certificate.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** What a client that trusts `ca` alone says of the server: "secure", or the error's code. */
async function talk(server: ServerCertificate, ca: string, host: string): Promise<string> {
  const listening = createServer(server);
  ends.push(() => listening.close());
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  return await new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ca, servername: host === "127.0.0.1" ? "" : host });
    ends.push(() => socket.destroy());
    socket.once("secureConnect", () => resolve("secure"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

test("the certificate is good for loopback to whoever trusts its authority, and to nobody else", async () => {
  const clock = systemClock();
  const [own, other] = await Promise.all([makeCertificate(clock), makeCertificate(clock)]);
  expect(await talk(own, own.ca, "127.0.0.1")).toBe("secure");
  expect(await talk(own, own.ca, "localhost")).toBe("secure");
  expect(await talk(own, own.ca, "example.com")).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  expect(await talk(own, other.ca, "127.0.0.1")).not.toBe("secure");
});
