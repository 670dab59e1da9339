import { describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../client.ts";
import { pods, type Pod } from "../kinds.ts";
import { reflect } from "./reflector.ts";
import { recordingLog } from "../testing/recording-log.fixture.ts";
import { expired, reset, ScriptedKube, serverError } from "../testing/scripted-kube.fixture.ts";
import { seededRandom } from "../testing/seeded-random.fixture.ts";

const pod = (name: string): Pod => ({ metadata: { name, namespace: "x" } });

/** A reflector on pods that runs, with what its sink was told as texts. */
async function start(prepare: (kube: ScriptedKube) => void = () => undefined) {
  const kube = new ScriptedKube();
  prepare(kube);
  const clock = manualClock();
  const log = recordingLog();
  const told: string[] = [];
  /** When each request was made. */
  const at: [verb: string, ms: number][] = [];
  kube.before = ({ verb }) => {
    at.push([verb, clock.monotonic()]);
  };
  const stop = new AbortController();
  let ended = false;
  const running = reflect<Pod>(
    { client: new KubeClient(kube), clock, log, random: seededRandom() },
    { resource: pods },
    {
      listing: () => told.push("listing"),
      page: (items) => told.push(`page ${items.length}`),
      listed: (version) => told.push(`listed ${version}`),
      event: (type, { metadata }) => told.push(`${type} ${metadata?.name}`),
      bookmark: (version) => told.push(`bookmark ${version}`),
    },
    stop.signal,
  ).then(() => {
    ended = true;
  });
  await clock.advance(0);
  /** The delays between the requests made so far. */
  const gaps = (): number[] => at.slice(1).map(([, ms], i) => ms - (at[i]?.[1] ?? 0));
  return { kube, clock, log, told, at, gaps, stop, running, ended: () => ended };
}

const end = async (t: Awaited<ReturnType<typeof start>>): Promise<void> => {
  t.stop.abort();
  await t.running;
  expect(t.clock.pending).toBe(0);
};

describe("reflect: failures", () => {
  it("tries again for ever, at random intervals that grow from 0.8 s to at most 30 s, and goes on when the server is back", async () => {
    const t = await start((kube) => {
      kube.put(pods, pod("a"));
      kube.fail("list", serverError(500), 1000);
    });
    await t.clock.advance(3_600_000);
    const gaps = t.gaps();
    expect(gaps.length).toBeGreaterThan(100);
    expect(gaps[0]).toBeGreaterThanOrEqual(800);
    expect(gaps[0]).toBeLessThan(1600);
    expect(gaps[2]).toBeGreaterThanOrEqual(3200);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30_000);
    expect(Math.min(...gaps.slice(6))).toBeGreaterThanOrEqual(15_000);
    expect(new Set(gaps.slice(6)).size).toBeGreaterThan(90);
    expect(t.told.filter((line) => line !== "listing")).toEqual([]);
    t.kube.heal();
    await t.clock.advance(30_000);
    expect(t.told.slice(-3)).toEqual(["listing", "page 1", "listed 101"]);
    await end(t);
  });

  it("starts with short delays again after two good minutes, and not before", async () => {
    const t = await start();
    for (let i = 0; i < 8; i++) {
      t.kube.watches.at(-1)?.break(reset());
      await t.clock.advance(30_000);
    }
    const late = t.gaps().at(-1);
    expect(late).toBeGreaterThan(15_000);
    await t.clock.advance(150_000);
    const before = t.clock.monotonic();
    t.kube.watches.at(-1)?.break(reset());
    await t.clock.advance(1600);
    expect((t.at.at(-1)?.[1] ?? 0) - before).toBeGreaterThanOrEqual(800);
    await end(t);
  });

  it.each([0, 400, 401, 403, 404, 429, 500, 503, 504])("survives %i on the list and on the watch", async (code) => {
    const t = await start((kube) => {
      kube.put(pods, pod("a"));
      kube.fail("list", serverError(code));
      kube.fail("watch", serverError(code));
    });
    await t.clock.advance(10_000);
    t.kube.put(pods, pod("b"));
    await t.clock.advance(0);
    expect(t.told).toEqual(["listing", "listing", "page 1", "listed 101", "ADDED b"]);
    expect(t.at.map(([verb]) => verb)).toEqual(["list", "list", "watch", "watch"]);
    await end(t);
  });

  it("waits as long as a 429 asks for", async () => {
    const t = await start((kube) => kube.fail("list", serverError(429, "TooManyRequests", 20)));
    await t.clock.advance(19_999);
    expect(t.kube.count("list")).toBe(1);
    await t.clock.advance(1);
    expect(t.kube.count("list")).toBe(2);
    await end(t);
  });

  it("takes a reset in the middle of a watch up where it was, without a list", async () => {
    const t = await start((kube) => kube.put(pods, pod("a")));
    t.kube.put(pods, pod("b"));
    t.kube.watches.at(-1)?.break(reset());
    t.kube.put(pods, pod("c"));
    await t.clock.advance(2000);
    expect(t.told.slice(3)).toEqual(["ADDED b", "ADDED c"]);
    expect(t.kube.calls.at(-1)?.request.query).toMatchObject({ resourceVersion: "102" });
    expect(t.kube.count("list")).toBe(1);
    await end(t);
  });
});

describe("reflect: versions that are too old", () => {
  it("lists anew when the watch is refused with 410", async () => {
    const t = await start((kube) => kube.fail("watch", expired()));
    await t.clock.advance(2000);
    expect(t.at.map(([verb]) => verb)).toEqual(["list", "watch", "list", "watch"]);
    await end(t);
  });

  it("lists anew when an ERROR event within the watch says 410", async () => {
    const t = await start();
    t.kube.put(pods, pod("a"));
    t.kube.watches.at(-1)?.error(expired());
    await t.clock.advance(2000);
    expect(t.told).toEqual(["listing", "page 0", "listed 100", "ADDED a", "listing", "page 1", "listed 101"]);
    await end(t);
  });

  it("begins a list again, in one piece, when its continue token expires under way", async () => {
    const t = await start((kube) => {
      for (let i = 0; i < 700; i++) kube.put(pods, pod(`p${i}`));
      kube.after = ({ verb, request }) => {
        if (verb === "list" && request.query?.["limit"] === 500) kube.compact();
      };
    });
    await t.clock.advance(5000);
    expect(t.told).toEqual(["listing", "page 500", "listing", "page 700", "listed 801"]);
    expect(t.kube.calls.map(({ request }) => request.query?.["limit"])).toEqual([500, 500, 0, undefined]);
    await end(t);
  });

  it("survives 410 on a list that has no token", async () => {
    const t = await start((kube) => kube.fail("list", expired(), 2));
    await t.clock.advance(10_000);
    expect(t.told).toEqual(["listing", "listing", "listing", "page 0", "listed 100"]);
    expect(t.kube.calls.slice(0, 3).map(({ request }) => request.query?.["limit"])).toEqual([500, 500, 500]);
    await end(t);
  });

  it("lists anew when the server's newest version is older than ours", async () => {
    const t = await start((kube) => {
      const error = serverError(504, "Timeout");
      Object.assign(error, { details: { causes: [{ reason: "ResourceVersionTooLarge" }] } });
      kube.fail("watch", error);
    });
    await t.clock.advance(2000);
    expect(t.kube.count("list")).toBe(2);
    await end(t);
  });

  it("doubts the version only when the server has refused it three times in a row", async () => {
    const t = await start();
    for (let i = 0; i < 3; i++) {
      expect(t.kube.count("list")).toBe(1);
      t.kube.watches.at(-1)?.error(serverError(500));
      await t.clock.advance(10_000);
    }
    expect(t.kube.count("list")).toBe(2);
    // An event in between shows that the version was fine.
    for (let i = 0; i < 6; i++) {
      t.kube.put(pods, pod(`p${i}`));
      t.kube.watches.at(-1)?.error(serverError(500));
      await t.clock.advance(30_000);
    }
    expect(t.kube.count("list")).toBe(2);
    await end(t);
  });
});

describe("reflect: watches that go wrong quietly", () => {
  it("kills a watch that its server has not ended 5 s after the time agreed, and watches on without a list", async () => {
    const t = await start();
    const seconds = Number(t.kube.calls.at(-1)?.request.query?.["timeoutSeconds"]);
    await t.clock.advance(seconds * 1000 + 4999);
    expect(t.kube.count("watch")).toBe(1);
    await t.clock.advance(1);
    expect(t.kube.watches[0]?.closed).toBe(true);
    expect(t.kube.count("watch")).toBe(2);
    expect(t.kube.count("list")).toBe(1);
    await end(t);
  });

  it("gives up a half-open watch after 150 s when the server used to send bookmarks", async () => {
    const t = await start();
    for (let minute = 0; minute < 3; minute++) {
      await t.clock.advance(60_000);
      t.kube.compact();
      t.kube.bookmark();
    }
    await t.clock.advance(0);
    expect(t.kube.count("watch")).toBe(1);
    await t.clock.advance(149_999);
    expect(t.kube.count("watch")).toBe(1);
    await t.clock.advance(1);
    expect(t.kube.count("watch")).toBe(2);
    expect(t.kube.calls.at(-1)?.request.query).toMatchObject({ resourceVersion: "103" });
    // The next server sends none: after one more try it is left in peace.
    await t.clock.advance(150_000);
    expect(t.kube.count("watch")).toBe(3);
    await t.clock.advance(200_000);
    expect(t.kube.count("watch")).toBe(3);
    await end(t);
  });

  it("takes a watch that ends at once without news for a failure, one that ends in time not", async () => {
    const t = await start();
    for (let i = 0; i < 6; i++) {
      t.kube.watches.at(-1)?.end();
      await t.clock.advance(30_000);
    }
    expect(
      t
        .gaps()
        .slice(1)
        .every((gap) => gap >= 800),
    ).toBe(true);
    expect(t.log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
    const opened = t.kube.count("watch");
    await t.clock.advance(100_000);
    t.kube.watches.at(-1)?.end();
    await t.clock.advance(0);
    expect(t.kube.count("watch")).toBe(opened + 1);
    await end(t);
  });

  it("does not spin on a server that sends the same event and ends, time and again", async () => {
    const t = await start();
    const again = { metadata: { name: "a", namespace: "x", resourceVersion: "100" } };
    for (let i = 0; i < 20; i++) {
      t.kube.watches.at(-1)?.send("ADDED", again);
      t.kube.watches.at(-1)?.end();
      await t.clock.advance(0);
    }
    expect(t.kube.count("watch")).toBe(1);
    await end(t);
  });

  it.each([
    ["an event without a version", { type: "ADDED", object: { metadata: { name: "a" } } }],
    ["an event of an unknown type", { type: "RENAMED", object: { metadata: { resourceVersion: "5" } } }],
    ["an ERROR without a status", { type: "ERROR" }],
    ["no event at all", null],
  ])("takes %s for a failure and goes on", async (_name, document) => {
    const t = await start();
    t.kube.watches.at(-1)?.raw(document);
    await t.clock.advance(10_000);
    t.kube.put(pods, pod("b"));
    await t.clock.advance(0);
    expect(t.told.at(-1)).toBe("ADDED b");
    expect(t.told.join()).not.toContain("undefined");
    await end(t);
  });

  it("takes a list without items or version for a failure and goes on", async () => {
    const answers: unknown[] = [{ kind: "Status" }, { items: [] }, null];
    const t = await start((kube) => {
      const request = kube.request.bind(kube);
      kube.request = async <T>(one: Parameters<typeof request>[0]) =>
        answers.length > 0 ? (answers.shift() as T) : request<T>(one);
    });
    await t.clock.advance(20_000);
    expect(t.told.at(-1)).toBe("listed 100");
    await end(t);
  });
});

describe("reflect: the end", () => {
  it("ends at once when aborted while it lists, watches or waits, and tells the sink nothing more", async () => {
    const listing = await start((kube) => {
      kube.put(pods, pod("a"));
    });
    listing.kube.watches.at(-1)?.send("ADDED", { metadata: { name: "late", resourceVersion: "999" } });
    listing.stop.abort();
    await listing.running;
    expect(listing.told).not.toContain("ADDED late");
    expect(listing.kube.watches[0]?.closed).toBe(true);
    expect(listing.clock.pending).toBe(0);

    const waiting = await start((kube) => kube.fail("list", serverError(500)));
    expect(waiting.clock.pending).toBe(1);
    await end(waiting);

    const within = await start((kube) => {
      kube.after = () => {
        throw serverError(500);
      };
    });
    await end(within);
    expect(within.told).not.toContain("listed 100");
  });
});
