import { expect, test } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import type { Kube, KubeRequest } from "../kube.ts";
import { withRateLimit } from "./rate-limit.ts";

function setUp(qps: number, burst: number) {
  const clock = manualClock();
  const sent: { path: string; at: number }[] = [];
  const send = (request: KubeRequest): void => void sent.push({ path: request.path, at: clock.monotonic() });
  const inner: Kube = {
    request: <T>(request: KubeRequest) => {
      send(request);
      return Promise.resolve(request.path as T);
    },
    stream: (request) => {
      send(request);
      return Promise.resolve((async function* () {})());
    },
  };
  return { clock, sent, inner, kube: withRateLimit(inner, { qps, burst, clock }) };
}

const get = (path: string, more: Partial<KubeRequest> = {}): KubeRequest => ({ method: "GET", path, ...more });

test("the burst goes at once, then requests follow at the rate, in the order they came", async () => {
  const { clock, sent, kube } = setUp(5, 3);
  const all = Promise.all(["1", "2", "3", "4", "5", "6"].map((path) => kube.request(get(path))));
  await clock.advance(1000);
  expect(await all).toEqual(["1", "2", "3", "4", "5", "6"]);
  expect(sent).toEqual([
    { path: "1", at: 0 },
    { path: "2", at: 0 },
    { path: "3", at: 0 },
    { path: "4", at: 200 },
    { path: "5", at: 400 },
    { path: "6", at: 600 },
  ]);
  expect(clock.pending).toBe(0);
});

test("a token that comes while the queue is asked is not for those behind", async () => {
  const { clock, sent, inner } = setUp(5, 1);
  let looks = 0;
  // Each look at the time takes 60 ms: three tenths of a token.
  const slow = { ...clock, monotonic: () => clock.monotonic() + 60 * looks++ };
  const kube = withRateLimit(inner, { qps: 5, burst: 1, clock: slow });
  const all = Promise.all(["a", "b", "c"].map((path) => kube.request(get(path))));
  await clock.advance(1000);
  await all;
  expect(sent.map(({ path }) => path)).toEqual(["a", "b", "c"]);
});

test("tokens come back while nothing is asked, up to the burst", async () => {
  const { clock, sent, kube } = setUp(10, 2);
  await Promise.all([kube.request(get("a")), kube.request(get("b"))]);
  await clock.advance(60_000);
  const more = Promise.all(["c", "d", "e"].map((path) => kube.request(get(path))));
  await clock.advance(100);
  await more;
  expect(sent.map(({ at }) => at)).toEqual([0, 0, 60_000, 60_000, 60_100]);
});

test("a stream takes its place in the queue too", async () => {
  const { clock, sent, kube } = setUp(1, 1);
  await kube.request(get("a"));
  const stream = kube.stream(get("watch"));
  await clock.advance(999);
  expect(sent).toHaveLength(1);
  await clock.advance(1);
  await stream;
  expect(sent).toHaveLength(2);
});

test("a lease renewal does not wait, nor does a request whose caller has just checked", async () => {
  const { sent, kube } = setUp(0.001, 1);
  await kube.request(get("a"));
  void kube.request(get("stuck"));
  await kube.request(get("lease", { lane: "lease" }));
  await kube.request(get("checked", { lane: "checked" }));
  expect(sent.map(({ path }) => path)).toEqual(["a", "lease", "checked"]);
});

test("who is aborted while waiting leaves the queue and takes no token", async () => {
  const { clock, sent, kube } = setUp(1, 1);
  await kube.request(get("a"));
  const caller = new AbortController();
  const reason = new Error("stop");
  const left = expect(kube.request(get("left", { signal: caller.signal }))).rejects.toBe(reason);
  const next = kube.request(get("next"));
  caller.abort(reason);
  await left;
  await clock.advance(1000);
  await next;
  expect(sent).toEqual([
    { path: "a", at: 0 },
    { path: "next", at: 1000 },
  ]);
  await expect(kube.request(get("late", { signal: caller.signal }))).rejects.toBe(reason);
});

test("a rate that can never be met is refused", () => {
  expect(() => setUp(0, 10)).toThrow(RangeError);
  expect(() => setUp(5, 0)).toThrow(RangeError);
  expect(() => setUp(Number.NaN, 5)).toThrow(RangeError);
});
