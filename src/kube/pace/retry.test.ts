import { expect, test } from "vitest";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { KubeError } from "../errors.ts";
import type { Kube, KubeRequest } from "../kube.ts";
import { FIRST_BACKOFF_MS, MAX_ASKED_ATTEMPTS, MAX_UNASKED_ATTEMPTS, withRetries } from "./retry.ts";
import { accessTo, testKube } from "../testing/http-kube.fixture.ts";
import { json, resetBeforeAnswer, startServer, throttled } from "../testing/misbehaving-server.fixture.ts";

/** A Kube that answers with these, in order, the last for ever. */
function setUp(...answers: [unknown, ...unknown[]]) {
  const clock = manualClock();
  const sent: { at: number; timeoutMs: number | undefined }[] = [];
  const answer = (request: KubeRequest): Promise<unknown> => {
    const next = answers[Math.min(sent.length, answers.length - 1)];
    sent.push({ at: clock.monotonic(), timeoutMs: request.timeoutMs });
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  const inner = { request: answer, stream: answer } as unknown as Kube;
  const random = { float: () => 0, uuid: () => "" };
  return { clock, sent, kube: withRetries(inner, { clock, random, log: silentLog }) };
}

const failed = (
  code: number,
  more: { reason?: string; after?: number; details?: KubeError["details"] } = {},
): KubeError =>
  new KubeError({
    code,
    reason: more.reason ?? "X",
    message: "m",
    details: more.details,
    retryAfterSeconds: more.after,
  });

const get: KubeRequest = { method: "GET", path: "/a" };
const post: KubeRequest = { method: "POST", path: "/a" };
const evict: KubeRequest = { method: "POST", path: "/api/v1/namespaces/n/pods/p/eviction" };

/** What a request came to after a long time. */
async function outcome({ clock, kube }: ReturnType<typeof setUp>, request: KubeRequest): Promise<unknown> {
  const result = kube.request(request).catch((error: unknown) => error);
  await clock.advance(3600_000);
  return result;
}

test.each([429, 500, 503, 504])(
  "%i with Retry-After is sent again after that time, whatever the verb",
  async (code) => {
    const it = setUp(failed(code, { after: 2 }), failed(code, { details: { retryAfterSeconds: 3 } }), "done");
    expect(await outcome(it, post)).toBe("done");
    expect(it.sent.map(({ at }) => at)).toEqual([0, 2000, 5000]);
  },
);

test("a request whose caller has just checked is sent once, whatever the answer", async () => {
  for (const answer of [failed(429, { after: 2 }), failed(429), failed(0, { reason: "ConnectionRefused" })]) {
    const it = setUp(answer, "done");
    expect(await outcome(it, { ...post, lane: "checked" })).toBe(answer);
    expect(it.sent).toHaveLength(1);
  }
});

test("429 without Retry-After is sent again with a growing back-off, whatever the verb, a bounded number of times", async () => {
  const it = setUp(failed(429));
  expect(await outcome(it, post)).toMatchObject({ code: 429 });
  expect(it.sent.map(({ at }) => at)).toEqual([0, 100, 400, 1300]);
  expect(it.sent).toHaveLength(MAX_UNASKED_ATTEMPTS);
});

test("the back-off is spread, so that clients do not come back together", async () => {
  const clock = manualClock();
  const at: number[] = [];
  const inner = { request: () => (at.push(clock.monotonic()), Promise.reject(failed(429))) } as unknown as Kube;
  const kube = withRetries(inner, { clock, random: { float: () => 0.5, uuid: () => "" }, log: silentLog });
  const result = kube.request(get).catch(() => undefined);
  await clock.advance(60_000);
  await result;
  expect(at[1]).toBe(FIRST_BACKOFF_MS * 1.25);
});

test("a server that asks us back again and again is asked a bounded number of times", async () => {
  const it = setUp(failed(429, { after: 1 }));
  expect(await outcome(it, get)).toMatchObject({ code: 429 });
  expect(it.sent).toHaveLength(MAX_ASKED_ATTEMPTS);
});

test("Retry-After 0 does not become a tight loop", async () => {
  const it = setUp(failed(429, { after: 0 }), "done");
  expect(await outcome(it, get)).toBe("done");
  expect(it.sent[1]?.at).toBe(FIRST_BACKOFF_MS);
});

test.each([undefined, 5])("a refused eviction comes back at once (Retry-After %s)", async (after) => {
  const it = setUp(failed(429, after === undefined ? {} : { after }));
  expect(await outcome(it, evict)).toMatchObject({ code: 429 });
  expect(it.sent).toHaveLength(1);
});

test("an eviction is sent again when the server was not there at all", async () => {
  const it = setUp(failed(0, { reason: "ConnectionRefused" }), "evicted");
  expect(await outcome(it, evict)).toBe("evicted");
});

test("503 without Retry-After is sent again for GET only: a proxy may have passed a write on", async () => {
  expect(await outcome(setUp(failed(503), "done"), get)).toBe("done");
  const write = setUp(failed(503), "done");
  expect(await outcome(write, post)).toMatchObject({ code: 503 });
  expect(write.sent).toHaveLength(1);
});

test("no connection: sent again, whatever the verb", async () => {
  expect(await outcome(setUp(failed(0, { reason: "ConnectionRefused" }), "done"), post)).toBe("done");
});

test("a broken connection: sent again for GET only", async () => {
  expect(await outcome(setUp(failed(0, { reason: "ConnectionReset" }), "done"), get)).toBe("done");
  for (const method of ["POST", "PUT", "PATCH", "DELETE"] as const) {
    const write = setUp(failed(0, { reason: "ConnectionReset" }), "done");
    expect(await outcome(write, { method, path: "/a" })).toMatchObject({ reason: "ConnectionReset" });
    expect(write.sent).toHaveLength(1);
  }
});

test.each([
  failed(0, { reason: "Timeout" }),
  failed(0, { reason: "BadResponse" }),
  failed(0, { reason: "NoCredentials" }),
  failed(400),
  failed(404),
  failed(409),
  failed(410),
  failed(422, { after: 1 }),
  failed(500),
  failed(504),
  failed(504, { details: { retryAfterSeconds: 1, causes: [{ reason: "ResourceVersionTooLarge" }] } }),
  new Error("the caller's own"),
])("$code $reason is not sent again", async (error) => {
  const it = setUp(error, "done");
  expect(await outcome(it, get)).toBe(error);
  expect(it.sent).toHaveLength(1);
});

test("the request's time-out covers all attempts, and each gets what is left of it", async () => {
  const it = setUp(failed(429, { after: 4 }));
  expect(await outcome(it, { ...get, timeoutMs: 10_000 })).toMatchObject({ code: 429 });
  expect(it.sent).toEqual([
    { at: 0, timeoutMs: 10_000 },
    { at: 4000, timeoutMs: 6000 },
    { at: 8000, timeoutMs: 2000 },
  ]);
});

test("a wait that would outlast the time-out is not begun", async () => {
  const it = setUp(failed(429, { after: 60 }));
  await expect(it.kube.request(get)).rejects.toMatchObject({ code: 429 });
  expect(it.clock.pending).toBe(0);
});

test("an abort ends the wait with the caller's reason", async () => {
  const it = setUp(failed(429, { after: 20 }));
  const caller = new AbortController();
  const reason = new Error("stop");
  const result = expect(it.kube.request({ ...get, signal: caller.signal })).rejects.toBe(reason);
  await settle();
  caller.abort(reason);
  await result;
  expect(it.clock.pending).toBe(0);
});

test("a stream is opened again until its header has come", async () => {
  const it = setUp(failed(429, { after: 1 }), "the stream");
  const result = it.kube.stream(get);
  await it.clock.advance(1000);
  expect(await result).toBe("the stream");
});

test("over real sockets: throttled, reset, then served", async () => {
  const server = await startServer();
  server.on("GET /a", throttled(), resetBeforeAnswer(), throttled(1), json({ ok: true }));
  const clock = manualClock();
  const http = testKube(accessTo(server.url), { clock });
  const kube = withRetries(http, { clock, random: { float: () => 0, uuid: () => "" }, log: silentLog });
  const result = kube.request(get);
  while (server.requests.length < 4) await clock.advance(100);
  expect(await result).toEqual({ ok: true });
  expect(clock.monotonic()).toBeGreaterThanOrEqual(FIRST_BACKOFF_MS * 4 + 1000);
  await http.close();
  await server.close();
});
