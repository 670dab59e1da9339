import { createServer, type AddressInfo, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../../effects/testing/eventually.fixture.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import type { TlsAccess } from "../config/access.ts";
import { accessTo, testKube } from "../testing/http-kube.fixture.ts";
import { memoryFiles } from "../testing/memory-files.fixture.ts";
import { hold, startServer, type Behaviour, type MisbehavingServer } from "../testing/misbehaving-server.fixture.ts";
import { certificate, key, tlsOptions } from "../../observe/testing/pems.fixture.ts";
import { PEM_MAX_AGE_MS } from "./dispatcher.ts";
import type { httpKube, HttpKubeOptions } from "./http.ts";

const path = "/whoami";
const authority = { text: certificate("ca") };
let server: MisbehavingServer | undefined;
let kube: ReturnType<typeof httpKube> | undefined;

afterEach(async () => {
  await kube?.close();
  await server?.close();
});

/** Answers with the common name of the client's certificate. */
const whoami: Behaviour = (_request, response) => {
  const peer = (response.socket as TLSSocket).getPeerCertificate();
  response.end(JSON.stringify({ name: peer.subject?.CN ?? "nobody" }));
};

async function start(
  tls: TlsAccess,
  options: Partial<HttpKubeOptions> & { server?: "server" | "named-server"; rejectUnauthorized?: boolean } = {},
) {
  const { server: name, rejectUnauthorized = false, ...rest } = options;
  server = await startServer({ tls: { ...tlsOptions(name), rejectUnauthorized } });
  server.on(`GET ${path}`, whoami);
  kube = testKube(accessTo(server.url, { tls }), rest);
  return { server, kube };
}

const get = { method: "GET", path } as const;

test("a server of the given authority is trusted, over one connection", async () => {
  const { server, kube } = await start({ authority });
  for (let i = 0; i < 5; i++) expect(await kube.request(get)).toEqual({ name: "nobody" });
  expect(server.connections.made).toBe(1);
});

test.each([
  ["another authority", { authority: { text: certificate("other-ca") } }],
  ["the machine's authorities", {}],
])("a server that %s did not sign is refused with a message about trust", async (_name, tls) => {
  const { kube } = await start(tls);
  const failed = kube.request(get);
  await expect(failed).rejects.toMatchObject({ code: 0, reason: "BadResponse" });
  await expect(failed).rejects.toThrow(/TLS failed .*check the certificate authority/);
});

test("insecure trusts any server", async () => {
  const { kube } = await start({ insecure: true });
  expect(await kube.request(get)).toEqual({ name: "nobody" });
});

test("tls-server-name is the name that the certificate must carry", async () => {
  const { kube } = await start({ authority, serverName: "kubernetes.test" }, { server: "named-server" });
  expect(await kube.request(get)).toEqual({ name: "nobody" });
});

test("a certificate for another name is refused", async () => {
  const { kube } = await start({ authority }, { server: "named-server" });
  await expect(kube.request(get)).rejects.toThrow(/TLS failed .*tls-server-name/);
});

test("a server that accepts and then does not shake hands ends the request at its time-out", async () => {
  const sockets: Socket[] = [];
  const mute = createServer((socket) => sockets.push(socket.on("error", () => undefined)));
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  const clock = manualClock();
  kube = testKube(accessTo(`https://127.0.0.1:${(mute.address() as AddressInfo).port}`), { clock });
  const failed = expect(kube.request({ ...get, timeoutMs: 2000 })).rejects.toMatchObject({
    code: 0,
    reason: "Timeout",
  });
  await clock.advance(2000);
  await failed;
  await kube.close();
  await new Promise((resolve) => {
    mute.close(resolve);
    for (const socket of sockets) socket.destroy();
  });
});

test("the client certificate says who we are", async () => {
  const clientCertificate = { certificate: { text: certificate("client") }, key: { text: key("client") } };
  const { kube } = await start({ authority, clientCertificate }, { rejectUnauthorized: true });
  expect(await kube.request(get)).toEqual({ name: "first-client" });
});

test("a server that asks for a client certificate and gets none closes the connection: no answer", async () => {
  const { kube } = await start({ authority }, { rejectUnauthorized: true });
  await expect(kube.request(get)).rejects.toMatchObject({ code: 0 });
});

test("a renewed client certificate is used within a minute; what is under way on the old connection ends in peace", async () => {
  const clock = manualClock();
  const files = memoryFiles({ "/c.pem": certificate("client"), "/k.pem": key("client") });
  const clientCertificate = { certificate: { file: "/c.pem" }, key: { file: "/k.pem" } };
  const { server, kube } = await start({ authority, clientCertificate }, { clock, files });
  const slow = hold(whoami);
  server.on("GET /slow", slow.behaviour);
  server.watches("/watch");
  expect(await kube.request(get)).toEqual({ name: "first-client" });
  const old = kube.request({ method: "GET", path: "/slow", timeoutMs: 600_000 });
  await eventually("the slow request is there", () => server.seen("GET /slow").length === 1);
  const stream = await kube.stream({ method: "GET", path: "/watch", query: { watch: true } });
  const watch = await server.nextWatch("/watch");

  files.content["/c.pem"] = certificate("client-renewed");
  files.content["/k.pem"] = key("client-renewed");
  expect(await kube.request(get)).toEqual({ name: "first-client" });
  await clock.advance(PEM_MAX_AGE_MS);
  expect(await kube.request(get)).toEqual({ name: "second-client" });

  slow.release();
  expect(await old).toEqual({ name: "first-client" });
  watch.bookmark("5");
  watch.end();
  const documents: unknown[] = [];
  for await (const document of stream) documents.push(document);
  expect(documents).toHaveLength(1);
  await eventually("only the new connection is left", () => server.connections.open === 1);
});

test("a certificate pair caught in the middle of its renewal heals with the next look", async () => {
  const clock = manualClock();
  const files = memoryFiles({ "/c.pem": certificate("client"), "/k.pem": key("client") });
  const clientCertificate = { certificate: { file: "/c.pem" }, key: { file: "/k.pem" } };
  const { kube } = await start({ authority, clientCertificate }, { clock, files });
  await kube.request(get);
  files.content["/c.pem"] = certificate("client-renewed");
  await clock.advance(PEM_MAX_AGE_MS);
  await expect(kube.request(get)).rejects.toThrow("TLS failed");
  files.content["/k.pem"] = key("client-renewed");
  await clock.advance(PEM_MAX_AGE_MS);
  expect(await kube.request(get)).toEqual({ name: "second-client" });
});

test("a changed authority is used within a minute", async () => {
  const clock = manualClock();
  const files = memoryFiles({ "/ca.pem": certificate("other-ca") });
  const { kube } = await start({ authority: { file: "/ca.pem" } }, { clock, files });
  await expect(kube.request(get)).rejects.toThrow("TLS failed");
  files.content["/ca.pem"] = certificate("ca");
  await clock.advance(PEM_MAX_AGE_MS);
  expect(await kube.request(get)).toEqual({ name: "nobody" });
});
