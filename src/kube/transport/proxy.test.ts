import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { accessTo, testKube } from "../testing/http-kube.fixture.ts";
import { json, startServer, type MisbehavingServer } from "../testing/misbehaving-server.fixture.ts";
import { certificate, tlsOptions } from "../../observe/testing/pems.fixture.ts";

let proxy: Server;
let proxyUrl: string;
let asked: { target: string; authorization: string | undefined }[];
let refuse: boolean;
let server: MisbehavingServer;

beforeEach(async () => {
  asked = [];
  refuse = false;
  server = await startServer({ tls: tlsOptions() });
  server.on("GET /a", json({ through: "proxy" }));
  proxy = createServer();
  proxy.on("connect", (request, socket) => {
    socket.on("error", () => undefined);
    asked.push({ target: request.url ?? "", authorization: request.headers["proxy-authorization"] });
    if (refuse) {
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    const [host = "", port] = (request.url ?? "").split(":");
    const upstream = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  proxyUrl = `http://user:secret@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await server.close();
  await new Promise((resolve) => {
    proxy.close(resolve);
    proxy.closeAllConnections();
  });
});

test("requests go through a tunnel of the proxy, with its credentials, and the server's certificate is checked", async () => {
  const kube = testKube(accessTo(server.url, { proxyUrl, tls: { authority: { text: certificate("ca") } } }));
  for (let i = 0; i < 3; i++) expect(await kube.request({ method: "GET", path: "/a" })).toEqual({ through: "proxy" });
  expect(asked).toEqual([{ target: `127.0.0.1:${server.port}`, authorization: "Basic dXNlcjpzZWNyZXQ=" }]);
  await kube.close();
});

test("a server behind a proxy that is not trusted is refused", async () => {
  const kube = testKube(accessTo(server.url, { proxyUrl }));
  await expect(kube.request({ method: "GET", path: "/a" })).rejects.toThrow("TLS failed");
  await kube.close();
});

test("a proxy that does not let us through is ConnectionRefused and names the settings", async () => {
  refuse = true;
  const kube = testKube(accessTo(server.url, { proxyUrl, tls: { insecure: true } }));
  const failed = kube.request({ method: "GET", path: "/a" });
  await expect(failed).rejects.toMatchObject({ code: 0, reason: "ConnectionRefused" });
  await expect(failed).rejects.toThrow(/403.*NO_PROXY/);
  await kube.close();
});
