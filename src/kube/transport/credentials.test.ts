import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { accessTo, testKube } from "../testing/http-kube.fixture.ts";
import { memoryFiles } from "../testing/memory-files.fixture.ts";
import {
  json,
  onlyWithToken,
  startServer,
  status,
  type MisbehavingServer,
} from "../testing/misbehaving-server.fixture.ts";
import { credentialsFrom, TOKEN_MAX_AGE_MS } from "./credentials.ts";
import type { httpKube } from "./http.ts";

const path = "/api/v1/nodes";
const file = "/token";
let server: MisbehavingServer;
let kube: ReturnType<typeof httpKube> | undefined;
let clock: ReturnType<typeof manualClock>;

beforeEach(async () => {
  clock = manualClock();
  server = await startServer();
});

afterEach(async () => {
  await kube?.close();
  kube = undefined;
  await server.close();
});

function withTokenFile(files: ReturnType<typeof memoryFiles>, log = silentLog) {
  kube = testKube(accessTo(server.url, { credentials: { kind: "tokenFile", file } }), { files, clock, log });
  return kube;
}

const tokensSeen = (): (string | undefined)[] => server.requests.map((request) => request.headers.authorization);

test("a token and basic authentication are sent as they are", async () => {
  server.on(`GET ${path}`, json({}));
  for (const credentials of [
    { kind: "token", token: "abc" },
    { kind: "basic", username: "Aladdin", password: "open sesame" },
    { kind: "none" },
  ] as const) {
    const one = testKube(accessTo(server.url, { credentials }));
    await one.request({ method: "GET", path });
    await one.close();
  }
  expect(tokensSeen()).toEqual(["Bearer abc", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", undefined]);
});

test("the token file is read again after a minute, and not before", async () => {
  const files = memoryFiles({ [file]: "one\n" });
  const client = withTokenFile(files);
  server.on(`GET ${path}`, json({}));
  await client.request({ method: "GET", path });
  files.content[file] = "two";
  await clock.advance(TOKEN_MAX_AGE_MS - 1);
  await client.request({ method: "GET", path });
  await clock.advance(1);
  await client.request({ method: "GET", path });
  expect(tokensSeen()).toEqual(["Bearer one", "Bearer one", "Bearer two"]);
  expect(files.reads).toEqual([file, file]);
});

test("an expired token is read anew upon 401 and the request is sent once more", async () => {
  const files = memoryFiles({ [file]: "old" });
  const client = withTokenFile(files);
  server.on(
    `POST ${path}`,
    onlyWithToken(() => "new", json({ done: true })),
  );
  files.content[file] = "old";
  const warmUp = client.request({ method: "POST", path, body: { n: 1 } });
  await expect(warmUp).rejects.toMatchObject({ code: 401 });
  files.content[file] = "new";
  expect(await client.request({ method: "POST", path, body: { n: 1 } })).toEqual({ done: true });
  expect(tokensSeen()).toEqual(["Bearer old", "Bearer old", "Bearer new"]);
});

test("401 with the same token in the file is not tried again", async () => {
  const client = withTokenFile(memoryFiles({ [file]: "bad" }));
  server.on(`GET ${path}`, status(401, "Unauthorized"));
  await expect(client.request({ method: "GET", path })).rejects.toMatchObject({ code: 401, reason: "Unauthorized" });
  expect(server.requests).toHaveLength(1);
});

test("a second 401 with the new token is the answer", async () => {
  const files = memoryFiles({ [file]: "old" });
  const client = withTokenFile(files);
  server.on(`GET ${path}`, json({}), status(401, "Unauthorized"));
  await client.request({ method: "GET", path });
  files.content[file] = "new";
  await expect(client.request({ method: "GET", path })).rejects.toMatchObject({ code: 401 });
  expect(server.requests).toHaveLength(3);
});

test("a watch is opened again with the new token too", async () => {
  const files = memoryFiles({ [file]: "old" });
  const client = withTokenFile(files);
  server.on(`GET ${path}`, json({}));
  await client.request({ method: "GET", path });
  files.content[file] = "new";
  server.on(
    `WATCH ${path}`,
    onlyWithToken(
      () => "new",
      (_request, response) => response.end('{"type":"BOOKMARK"}\n'),
    ),
  );
  const stream = await client.stream({ method: "GET", path, query: { watch: true } });
  for await (const document of stream) expect(document).toEqual({ type: "BOOKMARK" });
});

test("many requests refused at once read the file once", async () => {
  const files = memoryFiles({ [file]: "old" });
  const client = withTokenFile(files);
  server.on(
    `GET ${path}`,
    onlyWithToken(() => (server.requests.length > 1 ? "new" : "old"), json({})),
  );
  await client.request({ method: "GET", path });
  files.content[file] = "new";
  await Promise.all(Array.from({ length: 20 }, () => client.request({ method: "GET", path })));
  expect(files.reads.length).toBeLessThan(5);
});

test("while the file cannot be read the known token stays in use, with one warning a minute", async () => {
  const files = memoryFiles({ [file]: "one" });
  const log = { ...silentLog, warn: vi.fn() };
  const client = withTokenFile(files, log);
  server.on(`GET ${path}`, json({}));
  await client.request({ method: "GET", path });
  delete files.content[file];
  await clock.advance(TOKEN_MAX_AGE_MS);
  await client.request({ method: "GET", path });
  await client.request({ method: "GET", path });
  expect(tokensSeen()).toEqual(["Bearer one", "Bearer one", "Bearer one"]);
  expect(log.warn).toHaveBeenCalledTimes(1);
});

test.each([
  ["missing", {}, "ENOENT"],
  ["empty", { [file]: "\n" }, "is empty"],
])("a %s token file fails the request before it is sent, and says so", async (_what, content, message) => {
  const client = withTokenFile(memoryFiles(content));
  const failed = client.request({ method: "GET", path });
  await expect(failed).rejects.toMatchObject({ code: 0, reason: "NoCredentials" });
  await expect(failed).rejects.toThrow(message);
  expect(server.requests).toHaveLength(0);
});

test("a static token cannot be renewed", async () => {
  const credentials = credentialsFrom({ kind: "token", token: "t" }, { clock, files: memoryFiles(), log: silentLog });
  expect(await credentials.renew(await credentials.current())).toBeUndefined();
});
