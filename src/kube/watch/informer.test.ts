import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../client.ts";
import { Informer, type InformerSpec } from "./informer.ts";
import { pods, type Pod } from "../kinds.ts";
import { KubeMetrics } from "../metrics.ts";
import { keyOf, type KubeObject } from "../objects.ts";
import type { Change } from "./store.ts";
import { recordingLog } from "../testing/recording-log.fixture.ts";
import { expired, reset, ScriptedKube } from "../testing/scripted-kube.fixture.ts";
import { seededRandom } from "../testing/seeded-random.fixture.ts";

const pod = (name: string, node?: string): Pod => ({
  metadata: { name, namespace: "x" },
  ...(node === undefined ? {} : { spec: { nodeName: node, containers: [] } }),
});

const stops: AbortController[] = [];
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => {
  unhandled.push(error);
};

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});

afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort(new Error("end of the test"));
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

/** An informer on pods that has not been started, with what it has told so far as texts. */
function setUp<P extends KubeObject = Pod>(spec: Partial<InformerSpec<Pod, P>> = {}) {
  const kube = new ScriptedKube();
  const clock = manualClock();
  const log = recordingLog();
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  const client = new KubeClient(kube);
  const informer = new Informer<Pod, P>(
    { client, clock, log, metrics, random: seededRandom(), freeze: true },
    { resource: pods, ...spec },
  );
  const told: string[] = [];
  informer.onChange((change) => told.push(textOf(change)));
  const stop = new AbortController();
  stops.push(stop);
  let running: Promise<void> | undefined;
  const start = async (): Promise<void> => {
    running = informer.run(stop.signal);
    await clock.advance(0);
  };
  const take = (): string[] => told.splice(0);
  return { kube, clock, log, registry, informer, take, start, stop, running: () => running };
}

function textOf({ type, object, finalStateUnknown }: Change<KubeObject>): string {
  return `${type} ${keyOf(object)} ${object.metadata?.uid}${finalStateUnknown === true ? " unseen" : ""}`;
}

function names(informer: Informer<Pod>): string[] {
  return informer.store.list().map(keyOf).sort();
}

describe("Informer", () => {
  it("has synced only when the whole first list has been delivered to the handlers", async () => {
    const t = setUp();
    t.kube.put(pods, pod("a"));
    t.kube.put(pods, pod("b"));
    let synced = false;
    let duringDelivery: boolean | undefined;
    t.informer.onChange(() => (duringDelivery = t.informer.hasSynced));
    void t.informer.synced().then(() => (synced = true));
    expect(t.informer.hasSynced).toBe(false);
    await t.start();
    expect(duringDelivery).toBe(false);
    expect(synced).toBe(true);
    expect(t.informer.hasSynced).toBe(true);
    expect(t.take()).toEqual(["added x/a uid-1", "added x/b uid-2"]);
    await t.informer.synced();
  });

  it("asks for pages of 500 without a resourceVersion, then watches with bookmarks from the list's version", async () => {
    const t = setUp({ namespace: "x", labelSelector: "app=db" });
    for (let i = 0; i < 1200; i++) t.kube.put(pods, pod(`p${i}`));
    const { version } = t.kube;
    await t.start();
    expect(t.kube.calls.map(({ verb }) => verb)).toEqual(["list", "list", "list", "watch"]);
    for (const { request } of t.kube.calls.slice(0, 3)) {
      expect(request.query).toMatchObject({ limit: 500, labelSelector: "app=db" });
      expect(request.query).not.toHaveProperty("resourceVersion");
      expect(request.path).toBe("/api/v1/namespaces/x/pods");
    }
    const watch = t.kube.calls[3]?.request.query;
    expect(watch).toMatchObject({
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: version,
      labelSelector: "app=db",
    });
    expect(watch?.["timeoutSeconds"]).toBeGreaterThanOrEqual(300);
    expect(watch?.["timeoutSeconds"]).toBeLessThan(600);
    expect(t.informer.store.size).toBe(1200);
  });

  it("tells adds, updates and deletes in the order in which they happened, the store first", async () => {
    const t = setUp();
    await t.start();
    const stored: (string | undefined)[] = [];
    t.informer.onChange(({ key, object }) => {
      const now = t.informer.store.get(key);
      stored.push(now === undefined ? "gone" : now === object ? "same" : "other");
    });
    t.kube.put(pods, pod("a"));
    t.kube.put(pods, pod("a", "node-1"));
    t.kube.put(pods, pod("b"));
    t.kube.remove(pods, "x/a");
    await t.clock.advance(0);
    expect(t.take()).toEqual(["added x/a uid-1", "updated x/a uid-1", "added x/b uid-2", "deleted x/a uid-1"]);
    expect(stored).toEqual(["same", "same", "same", "gone"]);
  });

  it("gives a handler that comes late every object as added, and then the rest once", async () => {
    const t = setUp();
    t.kube.put(pods, pod("a"));
    await t.start();
    const late: string[] = [];
    const off = t.informer.onChange((change) => late.push(textOf(change)));
    expect(late).toEqual(["added x/a uid-1"]);
    t.kube.put(pods, pod("b"));
    await t.clock.advance(0);
    off();
    t.kube.put(pods, pod("c"));
    await t.clock.advance(0);
    expect(late).toEqual(["added x/a uid-1", "added x/b uid-2"]);
  });

  it("gives a handler that another one adds during a list nothing twice", async () => {
    const t = setUp();
    const inner: string[] = [];
    let first = true;
    t.informer.onChange(() => {
      if (first) t.informer.onChange((change) => inner.push(textOf(change)));
      first = false;
    });
    t.kube.put(pods, pod("a"));
    t.kube.put(pods, pod("b"));
    await t.start();
    expect(inner).toEqual(["added x/a uid-1", "added x/b uid-2"]);
  });

  it("logs and counts a handler that throws, at once or later, and goes on with the others", async () => {
    const t = setUp();
    t.informer.onChange(() => {
      throw new Error("at once");
    });
    const later: (change: Change<Pod>) => unknown = () => Promise.reject(new Error("later"));
    t.informer.onChange(later);
    const last: string[] = [];
    t.informer.onChange((change) => last.push(textOf(change)));
    t.kube.put(pods, pod("a"));
    await t.start();
    t.kube.put(pods, pod("b"));
    await t.clock.advance(0);
    expect(last).toEqual(["added x/a uid-1", "added x/b uid-2"]);
    const failures = t.log.lines.filter(({ msg }) => msg === "informer handler failed");
    expect(failures.map(({ fields }) => String(fields["key"])).toSorted()).toEqual(["x/a", "x/a", "x/b", "x/b"]);
    const metric = await t.registry.getSingleMetric("informer_handler_failures_total")?.get();
    expect(metric?.values).toMatchObject([{ value: 4, labels: { name: "pods" } }]);
  });

  it("keeps neither managedFields nor the last-applied annotation, and freezes what it keeps", async () => {
    const t = setUp();
    t.kube.put(pods, {
      metadata: {
        name: "a",
        namespace: "x",
        managedFields: [{ manager: "kubectl" }],
        annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", mine: "stays" },
      },
    });
    await t.start();
    const kept = t.informer.store.get("x/a");
    expect(kept?.metadata).toEqual({
      name: "a",
      namespace: "x",
      uid: "uid-1",
      resourceVersion: "101",
      annotations: { mine: "stays" },
    });
    expect(() => Object.assign(kept?.metadata?.annotations ?? {}, { mine: "changed" })).toThrow(TypeError);
  });

  it("keeps what the projection leaves, and the known state when the projection throws", async () => {
    const t = setUp({
      project: ({ metadata, spec }: Pod): KubeObject & { node?: string } => {
        if (spec?.nodeName === "poison") throw new Error("cannot read this");
        return { metadata: metadata ?? {}, ...(spec?.nodeName === undefined ? {} : { node: spec.nodeName }) };
      },
    });
    t.kube.put(pods, pod("a", "node-1"));
    await t.start();
    t.kube.put(pods, pod("a", "poison"));
    t.kube.put(pods, pod("b", "poison"));
    await t.clock.advance(0);
    expect(t.informer.store.get("x/a")).toMatchObject({ node: "node-1" });
    t.kube.compact();
    t.kube.watches.at(-1)?.error(expired());
    await t.clock.advance(60_000);
    expect(t.kube.count("list")).toBe(2);
    expect(t.take()).toEqual(["added x/a uid-1"]);
    expect(t.informer.store.list()).toMatchObject([{ node: "node-1" }]);
  });

  it("finds objects by index, as they are now", async () => {
    const t = setUp({
      indexes: {
        node: ({ spec }) => (spec?.nodeName === undefined ? [] : [spec.nodeName]),
        broken: ({ metadata }) => {
          if (metadata?.name === "a") throw new Error("not this one");
          return ["all", "all"];
        },
      },
    });
    t.kube.put(pods, pod("a", "n1"));
    t.kube.put(pods, pod("b", "n1"));
    await t.start();
    const on = (node: string): string[] => t.informer.store.byIndex("node", node).map(keyOf);
    expect(on("n1")).toEqual(["x/a", "x/b"]);
    expect(t.informer.store.byIndex("broken", "all").map(keyOf)).toEqual(["x/b"]);
    t.kube.put(pods, pod("a", "n2"));
    t.kube.remove(pods, "x/b");
    await t.clock.advance(0);
    expect(on("n1")).toEqual([]);
    expect(on("n2")).toEqual(["x/a"]);
    expect(() => t.informer.store.byIndex("owner", "z")).toThrow("no index owner");
  });

  it("waitFor resolves when a list, an event or a bookmark has brought that version, and not before", async () => {
    const t = setUp();
    await t.start();
    const listed = t.kube.version;
    await t.informer.waitFor(listed);
    const reached: string[] = [];
    const expectAt = (version: string, name: string): void => {
      void t.informer.waitFor(version).then(() => reached.push(name));
    };
    // The store must know of the object by then.
    void t.informer.waitFor("101").then(() => reached.push(`event ${names(t.informer).join()}`));
    expectAt("102", "bookmark");
    expectAt("1000", "longer is later");
    await t.clock.advance(0);
    expect(reached).toEqual([]);
    t.kube.put(pods, pod("a"));
    await t.clock.advance(0);
    expect(reached).toEqual(["event x/a"]);
    t.kube.compact();
    t.kube.bookmark();
    await t.clock.advance(0);
    expect(reached).toEqual(["event x/a", "bookmark"]);
    await expect(t.informer.waitFor("soon")).rejects.toThrow(RangeError);
    const gone = new AbortController();
    const waiting = t.informer.waitFor("999", gone.signal);
    gone.abort(new Error("no longer"));
    await expect(waiting).rejects.toThrow("no longer");
  });

  it("synced rejects with the reason of its signal", async () => {
    const t = setUp();
    await expect(t.informer.synced(AbortSignal.abort(new Error("too late")))).rejects.toThrow("too late");
  });

  it("runs once at a time, and again after it has ended, telling what was missed", async () => {
    const t = setUp();
    t.kube.put(pods, pod("a"));
    await t.start();
    await expect(t.informer.run(t.stop.signal)).rejects.toThrow("running already");
    t.stop.abort();
    await t.running();
    expect(t.clock.pending).toBe(0);
    t.kube.remove(pods, "x/a");
    t.take();
    const again = new AbortController();
    stops.push(again);
    void t.informer.run(again.signal);
    await t.clock.advance(0);
    expect(t.take()).toEqual(["deleted x/a uid-1 unseen"]);
  });
});

describe("Informer while disconnected", () => {
  it("finds deletes by a relist and says that their end was not seen", async () => {
    const t = setUp();
    t.kube.put(pods, pod("a"));
    t.kube.put(pods, pod("b"));
    await t.start();
    t.take();
    t.kube.live = false;
    t.kube.remove(pods, "x/a");
    t.kube.put(pods, pod("c"));
    t.kube.compact();
    t.kube.watches.at(-1)?.break(reset());
    t.kube.live = true;
    await t.clock.advance(60_000);
    expect(t.take()).toEqual(["deleted x/a uid-1 unseen", "added x/c uid-3"]);
    expect(names(t.informer)).toEqual(["x/b", "x/c"]);
  });

  it("tells an object that was deleted and made anew as deleted and added, never as updated", async () => {
    const t = setUp();
    t.kube.put(pods, pod("a"));
    await t.start();
    t.take();
    t.kube.live = false;
    t.kube.remove(pods, "x/a");
    t.kube.put(pods, pod("a"));
    t.kube.compact();
    t.kube.watches.at(-1)?.break(reset());
    t.kube.live = true;
    await t.clock.advance(60_000);
    expect(t.take()).toEqual(["deleted x/a uid-1 unseen", "added x/a uid-2"]);
  });

  it("does the same when a watch shows another uid without the delete", async () => {
    const t = setUp();
    t.kube.put(pods, pod("a"));
    await t.start();
    t.take();
    const watch = t.kube.watches.at(-1);
    watch?.send("MODIFIED", { metadata: { name: "a", namespace: "x", uid: "other", resourceVersion: "200" } });
    watch?.send("DELETED", { metadata: { name: "a", namespace: "x", uid: "third", resourceVersion: "201" } });
    await t.clock.advance(0);
    expect(t.take()).toEqual(["deleted x/a uid-1 unseen", "added x/a other", "deleted x/a other unseen"]);
    expect(t.informer.store.size).toBe(0);
  });

  it("says nothing about objects that a relist shows unchanged", async () => {
    const t = setUp();
    t.kube.put(pods, pod("a"));
    await t.start();
    t.take();
    const before = t.informer.store.get("x/a");
    t.kube.watches.at(-1)?.error(expired());
    await t.clock.advance(60_000);
    expect(t.kube.count("list")).toBe(2);
    expect(t.take()).toEqual([]);
    expect(t.informer.store.get("x/a")).toBe(before);
  });
});
