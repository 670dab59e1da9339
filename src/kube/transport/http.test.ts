import { createServer, type AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { eventually } from "../../effects/testing/eventually.fixture.ts";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../errors.ts";
import { accessTo, testKube } from "../testing/http-kube.fixture.ts";
import {
  garbage,
  hold,
  json,
  notHttp,
  resetBeforeAnswer,
  resetInBody,
  startServer,
  status,
  throttled,
  type MisbehavingServer,
} from "../testing/misbehaving-server.fixture.ts";
import type { httpKube, ObservedRequest } from "./http.ts";

const path = "/api/v1/nodes";
let server: MisbehavingServer;
let kube: ReturnType<typeof httpKube>;

beforeEach(async () => {
  server = await startServer();
  kube = testKube(accessTo(server.url));
});

afterEach(async () => {
  await kube.close();
  await server.close();
});

function failureOf(work: Promise<unknown>): Promise<KubeError> {
  return work.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => {
      expect(error).toBeInstanceOf(KubeError);
      return error as KubeError;
    },
  );
}

test("100 requests one after the other use one connection", async () => {
  server.on(`GET ${path}`, json({ items: [] }));
  for (let i = 0; i < 100; i++) await kube.request({ method: "GET", path });
  expect(server.requests).toHaveLength(100);
  expect(server.connections.made).toBe(1);
});

test("refusals leave the connection in use", async () => {
  server.on(`GET ${path}`, status(404, "NotFound"), status(500, "InternalError"), json({}));
  for (let i = 0; i < 2; i++) await failureOf(kube.request({ method: "GET", path }));
  await kube.request({ method: "GET", path });
  expect(server.connections.made).toBe(1);
});

test("a lease renewal does not wait for work that occupies every connection", async () => {
  const { behaviour, release } = hold();
  server.on(`GET ${path}`, behaviour);
  server.on("PUT /lease", json({ renewed: true }));
  const work = Array.from({ length: 120 }, () => kube.request({ method: "GET", path }));
  await eventually("100 requests are under way", () => server.requests.length === 100);
  expect(await kube.request({ method: "PUT", path: "/lease", body: {}, lane: "lease" })).toEqual({ renewed: true });
  expect(server.requests).toHaveLength(101);
  release();
  await Promise.all(work);
  expect(server.seen(`GET ${path}`)).toHaveLength(120);
});

test("sends method, path below the server's path, query, body and headers", async () => {
  await kube.close();
  kube = testKube(accessTo(`${server.url}/k8s/clusters/c-1`, { headers: { "impersonate-group": ["a", "b"] } }));
  server.on(`POST /k8s/clusters/c-1${path}`, json({ ok: true }));
  const query = { dryRun: "All", labelSelector: "a in (b, c)", limit: 5, watch: false, fieldSelector: undefined };
  const answer = await kube.request({
    method: "POST",
    path,
    query,
    body: { name: "ä" },
    contentType: "x/y",
    accept: "a/b",
  });
  expect(answer).toEqual({ ok: true });
  const [request] = server.requests;
  expect(Object.fromEntries(request?.query ?? [])).toEqual({
    dryRun: "All",
    labelSelector: "a in (b, c)",
    limit: "5",
    watch: "false",
  });
  expect(JSON.parse(request?.body ?? "")).toEqual({ name: "ä" });
  expect(request?.headers).toMatchObject({
    "content-type": "x/y",
    accept: "a/b",
    "user-agent": "mooring-test/1",
    "impersonate-group": "a, b",
  });
});

test("a request without a body names no content type, and JSON is the default with one", async () => {
  server.on(`GET ${path}`, json({}));
  server.on(`PUT ${path}`, json({}));
  await kube.request({ method: "GET", path });
  await kube.request({ method: "PUT", path, body: {} });
  expect(server.requests.map((request) => request.headers["content-type"])).toEqual([undefined, "application/json"]);
});

test("text comes as it is", async () => {
  server.on("GET /log", garbage(200, "line 1\nline 2\n"));
  expect(await kube.request({ method: "GET", path: "/log", as: "text" })).toBe("line 1\nline 2\n");
});

test("a Status becomes a KubeError with reason, message and details", async () => {
  const details = { name: "a", kind: "nodes", causes: [{ reason: "FieldValueInvalid", field: "spec", message: "no" }] };
  server.on(`PUT ${path}`, status(422, "Invalid", { message: "node a is invalid", details }));
  const error = await failureOf(kube.request({ method: "PUT", path, body: {} }));
  expect(error).toMatchObject({ code: 422, reason: "Invalid", message: "node a is invalid", details });
});

test("null in a Status is taken as absent", async () => {
  server.on(`GET ${path}`, status(500, "InternalError", { details: { causes: null } }));
  expect(await failureOf(kube.request({ method: "GET", path }))).toMatchObject({ code: 500, reason: "InternalError" });
});

test("Retry-After is read from the header", async () => {
  server.on(`GET ${path}`, throttled(7));
  expect(await failureOf(kube.request({ method: "GET", path }))).toMatchObject({ code: 429, retryAfterSeconds: 7 });
});

test("Retry-After is read from the details when there is no header", async () => {
  server.on(`GET ${path}`, status(429, "TooManyRequests", { details: { retryAfterSeconds: 3 } }));
  expect((await failureOf(kube.request({ method: "GET", path }))).retryAfterSeconds).toBe(3);
});

test.each([
  [503, "ServiceUnavailable"],
  [410, "Gone"],
  [302, "Unknown"],
  [403, "Forbidden"],
])("an answer %i that is no Status gets the reason %s and an excerpt of the body", async (code, reason) => {
  server.on(`GET ${path}`, garbage(code, `no backend ${"x".repeat(1000)}`));
  const error = await failureOf(kube.request({ method: "GET", path }));
  expect(error).toMatchObject({ code, reason });
  expect(error.message).toContain("no backend");
  expect(error.message.length).toBeLessThan(400);
});

test("a good answer that is not JSON is BadResponse", async () => {
  server.on(`GET ${path}`, garbage());
  expect(await failureOf(kube.request({ method: "GET", path }))).toMatchObject({ code: 0, reason: "BadResponse" });
});

test("an answer that is not HTTP is BadResponse", async () => {
  server.on(`GET ${path}`, notHttp());
  expect(await failureOf(kube.request({ method: "GET", path }))).toMatchObject({ code: 0, reason: "BadResponse" });
});

test("nobody listening is ConnectionRefused, and the message names the URL", async () => {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const nobody = testKube(accessTo(`http://127.0.0.1:${port}`));
  const error = await failureOf(nobody.request({ method: "GET", path }));
  expect(error).toMatchObject({ code: 0, reason: "ConnectionRefused" });
  expect(error.message).toContain(`GET http://127.0.0.1:${port}${path}`);
  await nobody.close();
});

test("a host that does not exist is ConnectionRefused: nothing was sent", async () => {
  // No name has a part of 64 letters: no resolver is asked, whose answer might be late.
  const lost = testKube(accessTo(`http://${"a".repeat(64)}.invalid:6443`));
  expect(await failureOf(lost.request({ method: "GET", path }))).toMatchObject({
    code: 0,
    reason: "ConnectionRefused",
  });
  await lost.close();
});

test("a reset before the answer, or in the middle of a chunk, is ConnectionReset", async () => {
  server.on(`GET ${path}`, resetBeforeAnswer(), resetInBody(), json({ fine: true }));
  expect(await failureOf(kube.request({ method: "GET", path }))).toMatchObject({ code: 0, reason: "ConnectionReset" });
  expect(await failureOf(kube.request({ method: "GET", path }))).toMatchObject({ code: 0, reason: "ConnectionReset" });
  expect(await kube.request({ method: "GET", path })).toEqual({ fine: true });
});

test("a request that nobody answers ends at its time-out and frees the connection", async () => {
  const clock = manualClock();
  const patient = testKube(accessTo(server.url), { clock });
  server.on(`GET ${path}`, hold().behaviour);
  const failed = failureOf(patient.request({ method: "GET", path, timeoutMs: 5000 }));
  await eventually("the request is there", () => server.requests.length === 1);
  await clock.advance(4999);
  expect(clock.pending).toBe(1);
  await clock.advance(1);
  expect(await failed).toMatchObject({ code: 0, reason: "Timeout" });
  await eventually("the connection is closed", () => server.connections.open === 0);
  expect(clock.pending).toBe(0);
  await patient.close();
});

test("the time-out covers the body, not the header only", async () => {
  const clock = manualClock();
  const patient = testKube(accessTo(server.url), { clock });
  server.on(`GET ${path}`, (_request, response) => {
    response.writeHead(200).write('{"half":');
  });
  const failed = failureOf(patient.request({ method: "GET", path }));
  await eventually("the request is there", () => server.requests.length === 1);
  await clock.advance(30_000);
  expect(await failed).toMatchObject({ code: 0, reason: "Timeout" });
  await patient.close();
});

test("an abort rejects with the caller's reason: before sending, while waiting, and in the body", async () => {
  const reason = new Error("changed my mind");
  await expect(kube.request({ method: "GET", path, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(server.requests).toHaveLength(0);

  const waiting = new AbortController();
  server.on(`GET ${path}`, hold().behaviour);
  const first = kube.request({ method: "GET", path, signal: waiting.signal });
  await eventually("the request is there", () => server.requests.length === 1);
  waiting.abort(reason);
  await expect(first).rejects.toBe(reason);

  const reading = new AbortController();
  server.on(`GET ${path}`, (_request, response) => {
    response.writeHead(200).write('{"half":', () => reading.abort(reason));
  });
  await expect(kube.request({ method: "GET", path, signal: reading.signal })).rejects.toBe(reason);
  await eventually("the connections are closed", () => server.connections.open === 0);
});

test("a signal that outlives many requests collects no listeners, and Node warns of nothing", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on("warning", onWarning);
  server.on(`GET ${path}`, json({}));
  const { signal } = new AbortController();
  const add = vi.spyOn(signal, "addEventListener");
  const remove = vi.spyOn(signal, "removeEventListener");
  await Promise.all(Array.from({ length: 20 }, () => kube.request({ method: "GET", path, signal })));
  expect(add.mock.calls.length).toBe(20);
  expect(remove.mock.calls.length).toBeGreaterThanOrEqual(20);
  await settle();
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});

test("every answer and every failure is observed", async () => {
  const seen: ObservedRequest[] = [];
  const observed = testKube(accessTo(server.url), { observe: (request) => seen.push(request) });
  server.on(`GET ${path}`, json({}), throttled(), resetBeforeAnswer());
  await observed.request({ method: "GET", path, query: { limit: 1 } });
  await failureOf(observed.request({ method: "GET", path }));
  await failureOf(observed.request({ method: "GET", path }));
  expect(seen.map(({ method, path, code }) => [method, path, code])).toEqual([
    ["GET", path, 200],
    ["GET", path, 429],
    ["GET", path, 0],
  ]);
  expect(seen.every(({ seconds }) => seconds >= 0)).toBe(true);
  await observed.close();
});

test("close cuts what is under way, and later requests fail", async () => {
  server.on(`GET ${path}`, hold().behaviour);
  const failed = failureOf(kube.request({ method: "GET", path }));
  await eventually("the request is there", () => server.requests.length === 1);
  await kube.close();
  expect(await failed).toMatchObject({ code: 0, reason: "ConnectionReset" });
  expect(await failureOf(kube.request({ method: "GET", path }))).toMatchObject({ code: 0, reason: "Closed" });
});
