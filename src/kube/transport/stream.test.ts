import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { eventually } from "../../effects/testing/eventually.fixture.ts";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import type { KubeRequest } from "../kube.ts";
import { accessTo, testKube } from "../testing/http-kube.fixture.ts";
import { gone, hold, json, list, startServer, type MisbehavingServer } from "../testing/misbehaving-server.fixture.ts";
import type { httpKube } from "./http.ts";

const path = "/api/v1/pods";
const watchRequest: KubeRequest = { method: "GET", path, query: { watch: true } };
const clock = manualClock();
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);
let server: MisbehavingServer;
let kube: ReturnType<typeof httpKube>;

beforeEach(async () => {
  process.on("unhandledRejection", onUnhandled);
  process.on("uncaughtException", onUnhandled);
  server = await startServer();
  server.watches(path);
  kube = testKube(accessTo(server.url), { clock });
});

afterEach(async () => {
  await kube.close();
  await server.close();
  await settle();
  process.off("unhandledRejection", onUnhandled);
  process.off("uncaughtException", onUnhandled);
  expect(unhandled).toEqual([]);
  expect(clock.pending).toBe(0);
});

async function open(request: Partial<KubeRequest> = {}) {
  const stream = await kube.stream({ ...watchRequest, ...request });
  return { stream, watch: await server.nextWatch(path) };
}

/** Reads a stream to its end, or to its failure. */
async function readAll(stream: AsyncIterable<unknown>): Promise<{ documents: unknown[]; error?: unknown }> {
  const documents: unknown[] = [];
  try {
    for await (const document of stream) documents.push(document);
    return { documents };
  } catch (error) {
    return { documents, error };
  }
}

test("events come in order, and the end of the stream ends the loop", async () => {
  const { stream, watch } = await open();
  watch.event("ADDED", { n: 1 });
  watch.raw('{"type":"MODIFIED","object":{"n":2}}\n{"type":"DELETED","object":{"n":3}}\n\n');
  watch.bookmark("9");
  watch.end();
  const { documents, error } = await readAll(stream);
  expect(error).toBeUndefined();
  expect(documents).toMatchObject([
    { type: "ADDED" },
    { type: "MODIFIED" },
    { type: "DELETED" },
    { type: "BOOKMARK", object: { metadata: { resourceVersion: "9" } } },
  ]);
});

test("a character may be cut between two chunks", async () => {
  const { stream, watch } = await open();
  const bytes = Buffer.from('{"name":"Ä€😀"}\n');
  const reading = readAll(stream);
  for (const byte of bytes) {
    watch.raw(Uint8Array.of(byte));
    await settle(2);
  }
  watch.end();
  expect(await reading).toEqual({ documents: [{ name: "Ä€😀" }] });
});

test("a reset in the middle of a chunk throws ConnectionReset after the events before it", async () => {
  const { stream, watch } = await open();
  watch.event("ADDED", { n: 1 });
  watch.reset();
  const { documents, error } = await readAll(stream);
  expect(documents).toHaveLength(1);
  expect(error).toMatchObject({ code: 0, reason: "ConnectionReset" });
});

test("a line that is not JSON throws BadResponse and closes the connection", async () => {
  const { stream, watch } = await open();
  watch.raw("<html>\n");
  expect((await readAll(stream)).error).toMatchObject({ code: 0, reason: "BadResponse" });
  await eventually("the connection is closed", () => watch.closed);
});

test("a stream that ends inside a line throws BadResponse", async () => {
  const { stream, watch } = await open();
  watch.raw('{"type":"ADDED","obj');
  watch.end();
  expect((await readAll(stream)).error).toMatchObject({ code: 0, reason: "BadResponse" });
});

test("a refusal rejects before there is a stream, and garbage as a header too", async () => {
  server.on(`WATCH ${path}`, gone());
  await expect(kube.stream(watchRequest)).rejects.toMatchObject({ code: 410, reason: "Expired" });
  server.on(`WATCH ${path}`, json({}, 500));
  await expect(kube.stream(watchRequest)).rejects.toMatchObject({ code: 500, reason: "InternalError" });
});

test("a header that does not come ends at the time-out", async () => {
  server.on(`WATCH ${path}`, hold().behaviour);
  const opened = expect(kube.stream({ ...watchRequest, timeoutMs: 2000 })).rejects.toMatchObject({ reason: "Timeout" });
  await eventually("the request is there", () => server.requests.length === 1);
  await clock.advance(2000);
  await opened;
});

test("once the header is there the stream may be silent for a day", async () => {
  const { stream, watch } = await open({ timeoutMs: 2000 });
  const reading = readAll(stream);
  await clock.advance(24 * 3600 * 1000);
  watch.event("ADDED", {});
  watch.end();
  expect(await reading).toEqual({ documents: [{ type: "ADDED", object: {} }] });
});

test("leaving the loop closes the connection", async () => {
  const { stream, watch } = await open();
  watch.event("ADDED", {});
  for await (const _ of stream) break;
  await eventually("the server sees it closed", () => watch.closed);
});

test("return ends a next that is waiting for a silent server", async () => {
  const { stream, watch } = await open();
  const iterator = stream[Symbol.asyncIterator]();
  const waiting = iterator.next().catch(() => "failed");
  await iterator.return?.();
  await waiting;
  await eventually("the server sees it closed", () => watch.closed);
});

test("return before the first next closes the connection too", async () => {
  const { stream, watch } = await open();
  await stream[Symbol.asyncIterator]().return?.();
  await eventually("the server sees it closed", () => watch.closed);
});

test("an abort closes a silent watch and throws the caller's reason", async () => {
  const caller = new AbortController();
  const { stream, watch } = await open({ signal: caller.signal });
  const reading = readAll(stream);
  const reason = new Error("shutting down");
  await settle();
  caller.abort(reason);
  expect((await reading).error).toBe(reason);
  await eventually("the server sees it closed", () => watch.closed);
});

test("an abort closes a stream that nobody reads, and nothing is left unhandled", async () => {
  const caller = new AbortController();
  const { stream, watch } = await open({ signal: caller.signal });
  caller.abort(new Error("shutting down"));
  await eventually("the server sees it closed", () => watch.closed);
  expect((await readAll(stream)).error).toMatchObject({ message: "shutting down" });
});

test("a signal that outlives many streams collects no listeners, however they end", async () => {
  const { signal } = new AbortController();
  const add = vi.spyOn(signal, "addEventListener");
  const remove = vi.spyOn(signal, "removeEventListener");
  for (let i = 0; i < 4; i++) {
    const { stream, watch } = await open({ signal });
    watch.event("ADDED", {});
    if (i === 0) watch.reset();
    else if (i === 1) watch.end();
    if (i === 2) for await (const _ of stream) break;
    if (i === 3) watch.raw("garbage\n");
    await readAll(stream);
  }
  await settle();
  expect(add.mock.calls).toHaveLength(4);
  expect(new Set(remove.mock.calls.map(([, listener]) => listener)).size).toBe(4);
});

test("a reset of a stream that nobody reads is thrown when somebody does, and ends no process", async () => {
  const { stream, watch } = await open();
  watch.reset();
  await eventually("the connection is gone", () => server.connections.open === 0);
  await settle();
  expect((await readAll(stream)).error).toMatchObject({ code: 0, reason: "ConnectionReset" });
});

test("a reader who does not read stops the server from sending", async () => {
  const { stream, watch } = await open();
  const event = JSON.stringify({ type: "ADDED", object: { fill: "x".repeat(100_000) } }) + "\n";
  let sent = 0;
  const iterator = stream[Symbol.asyncIterator]();
  watch.raw(event);
  await iterator.next();
  // Buffers of both kernels take some megabytes; then what is written stays with the server.
  while (sent < 500) {
    const before = watch.backlog;
    watch.raw(event);
    sent += 1;
    await settle(3);
    if (watch.backlog > before && before > 1_000_000) break;
  }
  expect(sent).toBeLessThan(500);
  const drained = watch.drained();
  for (let i = 0; i < sent; i++) expect(await iterator.next()).toMatchObject({ done: false });
  await drained;
  await iterator.return?.();
});

test("streams have connections of their own: 120 of them leave requests their room", async () => {
  server.on(`GET ${path}`, list([], "1"));
  await Promise.all(Array.from({ length: 120 }, () => kube.stream(watchRequest)));
  for (let i = 0; i < 10; i++) await kube.request({ method: "GET", path });
  expect(server.connections.made).toBe(121);
});
