import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../effects/testing/eventually.fixture.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../client.ts";
import { Informer } from "./informer.ts";
import { pods, type Pod } from "../kinds.ts";
import { accessTo, testKube } from "../testing/http-kube.fixture.ts";
import {
  garbage,
  gone,
  list,
  resetBeforeAnswer,
  resetInBody,
  startServer,
  status,
  throttled,
  type Behaviour,
  type MisbehavingServer,
  type OpenWatch,
} from "../testing/misbehaving-server.fixture.ts";
import { recordingLog } from "../testing/recording-log.fixture.ts";
import { seededRandom } from "../testing/seeded-random.fixture.ts";

const PODS = "/api/v1/pods";
const pod = (name: string, version: number, node = "n"): Pod => ({
  metadata: { name, namespace: "x", uid: `uid-${name}`, resourceVersion: String(version) },
  spec: { nodeName: node, containers: [] },
});

const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => {
  unhandled.push(error);
};
const cleanups: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

/** An informer on real sockets; its delays are virtual: `opened` passes them. */
async function start(...lists: [Behaviour, ...Behaviour[]]) {
  const server: MisbehavingServer = await startServer();
  cleanups.push(() => server.close());
  server.on(`GET ${PODS}`, ...lists);
  server.watches(PODS);
  const kube = testKube(accessTo(server.url));
  cleanups.push(() => kube.close());
  const clock = manualClock();
  const informer = new Informer<Pod>(
    { client: new KubeClient(kube), clock, log: recordingLog(), random: seededRandom(), freeze: true },
    { resource: pods },
  );
  const told: string[] = [];
  informer.onChange(({ type, object }) =>
    told.push(`${type} ${object.metadata?.name} ${object.metadata?.resourceVersion}`),
  );
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  cleanups.push(() => {
    stop.abort();
    return running;
  });
  /** The next watch that is opened, after whatever delays. */
  const opened = async (): Promise<OpenWatch> => {
    let watch: OpenWatch | undefined;
    void server.nextWatch(PODS).then((next) => (watch = next));
    for (let i = 0; watch === undefined; i++) {
      expect(i).toBeLessThan(1000);
      await clock.advance(1000);
    }
    return watch;
  };
  return { server, clock, informer, told, opened, stop, running };
}

describe("Informer over HTTP", () => {
  it("goes on from the last event when a watch is reset in the middle of a chunk", async () => {
    const t = await start(list([pod("a", 5)], "7"));
    const watch = await t.opened();
    expect(watch.request.query.get("resourceVersion")).toBe("7");
    expect(watch.request.query.get("allowWatchBookmarks")).toBe("true");
    watch.event("MODIFIED", pod("a", 8));
    await eventually("the event before the reset", () => t.told.length === 2);
    watch.reset();
    const next = await t.opened();
    expect(next.request.query.get("resourceVersion")).toBe("8");
    next.event("ADDED", pod("b", 9));
    await eventually("the event after it", () => t.told.length === 3);
    expect(t.told).toEqual(["added a 5", "updated a 8", "added b 9"]);
    expect(t.server.seen(`GET ${PODS}`)).toHaveLength(1);
  });

  it("reads events that come in pieces, the pieces of a character included", async () => {
    const t = await start(list([], "1"));
    const watch = await t.opened();
    const bytes = Buffer.from(`${JSON.stringify({ type: "ADDED", object: pod("a", 2, "nœud-✓-👋") })}\n`);
    for (const byte of bytes) watch.raw(Uint8Array.of(byte));
    await eventually("the event", () => t.told.length === 1);
    expect(t.informer.store.get("x/a")?.spec?.nodeName).toBe("nœud-✓-👋");
  });

  it("goes on from a bookmark, without a list, when a quiet watch ends in time", async () => {
    const t = await start(list([], "1"));
    const watch = await t.opened();
    watch.bookmark("40");
    await t.informer.waitFor("40");
    await t.clock.advance(10_000);
    watch.end();
    expect((await t.opened()).request.query.get("resourceVersion")).toBe("40");
    expect(t.server.seen(`GET ${PODS}`)).toHaveLength(1);
  });

  it("lists anew after 410 in the stream and finds what has gone meanwhile", async () => {
    const t = await start(list([pod("a", 1), pod("b", 1)], "2"), list([pod("b", 1)], "9"));
    (await t.opened()).gone();
    expect((await t.opened()).request.query.get("resourceVersion")).toBe("9");
    expect(t.told).toEqual(["added a 1", "added b 1", "deleted a 1"]);
  });

  it("lists anew after 410 on the watch", async () => {
    const t = await start(list([], "2"), list([], "9"));
    const first = await t.opened();
    t.server.on(`WATCH ${PODS}`, gone());
    first.end();
    for (let i = 0; t.server.seen(`GET ${PODS}`).length < 2 && i < 100; i++) await t.clock.advance(1000);
    t.server.watches(PODS);
    expect((await t.opened()).request.query.get("resourceVersion")).toBe("9");
  });

  it("gets its first list through every kind of failure", async () => {
    const page = list([pod("a", 1)], "7", "more");
    const t = await start(
      status(500, "InternalError"),
      throttled(1),
      throttled(),
      gone(),
      garbage(),
      resetBeforeAnswer(),
      resetInBody(),
      page,
      gone(),
      page,
      resetBeforeAnswer(),
      list([pod("a", 1)], "7"),
    );
    await t.opened();
    await t.informer.synced();
    expect(t.told).toEqual(["added a 1"]);
  });

  it("closes a watch that says nothing when its time is over, and opens another", async () => {
    const t = await start(list([], "7"));
    const silent = await t.opened();
    await t.clock.advance(Number(silent.request.query.get("timeoutSeconds")) * 1000 + 5000);
    await eventually("the client to leave", () => silent.closed);
    expect((await t.opened()).request.query.get("resourceVersion")).toBe("7");
  });

  it("closes its connection and ends when it is stopped", async () => {
    const t = await start(list([], "7"));
    const watch = await t.opened();
    t.stop.abort();
    await t.running;
    await eventually("the client to leave", () => watch.closed);
    expect(t.clock.pending).toBe(0);
  });
});
