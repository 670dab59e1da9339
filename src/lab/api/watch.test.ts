import { describe, expect, it } from "vitest";
import { configMaps, pods } from "../../kube/kinds.ts";
import { pod, take, testLab, type Json, type TestLab } from "./testing/lab.fixture.ts";

const PATH = "/api/v1/configmaps";

async function put(
  { client }: TestLab,
  name: string,
  labels: Record<string, string> = {},
  data?: string,
): Promise<void> {
  const at = { name, namespace: "default" };
  const object = { metadata: { ...at, labels }, ...(data === undefined ? {} : { data: { x: data } }) };
  const there = (await client.list(configMaps, { namespace: "default" })).some(
    ({ metadata }) => metadata?.name === name,
  );
  if (there) await client.replace(configMaps, object);
  else await client.create(configMaps, object);
}

async function open(
  { kube }: TestLab,
  query: Record<string, string | number | boolean> = {},
): Promise<AsyncIterable<unknown>> {
  return await kube.stream({ method: "GET", path: PATH, query: { watch: true, ...query } });
}

const told = (events: readonly { type: string; object: Json }[]): string[] =>
  events.map(({ type, object }) => `${type} ${String(object.metadata["name"])}`);

describe("a watch", () => {
  it("replays what came after its version, then tells what comes", async () => {
    const lab = testLab();
    await put(lab, "a");
    const from = lab.api.resourceVersion;
    await put(lab, "b");
    const watch = await open(lab, { resourceVersion: from });
    await put(lab, "c");
    await put(lab, "b", { new: "label" });
    expect(told(await take(watch, 3))).toEqual(["ADDED b", "ADDED c", "MODIFIED b"]);
  });

  it.each([{}, { resourceVersion: "0" }])("without a version (%j) begins with what is there", async (query) => {
    const lab = testLab();
    await put(lab, "a");
    expect(told(await take(await open(lab, query), 1))).toEqual(["ADDED a"]);
  });

  it("from a forgotten version says 410 in its stream and ends", async () => {
    const lab = testLab();
    const from = lab.api.resourceVersion;
    await put(lab, "a");
    lab.api.compact();
    const events = await take(await open(lab, { resourceVersion: from }), 5);
    expect(events).toMatchObject([{ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } }]);
    expect(lab.api.watchCount).toBe(0);
  });

  it("under way survives a compaction", async () => {
    const lab = testLab();
    const watch = await open(lab, { resourceVersion: lab.api.resourceVersion });
    lab.api.compact();
    await put(lab, "a");
    expect(told(await take(watch, 1))).toEqual(["ADDED a"]);
  });

  it("tells selected objects that come and go by their labels as added and deleted, with the version of the change", async () => {
    const lab = testLab();
    await put(lab, "a", { app: "x" }, "old");
    const watch = await open(lab, { resourceVersion: lab.api.resourceVersion, labelSelector: "app=x" });
    await put(lab, "a", { app: "y" }, "new");
    const gone = lab.api.resourceVersion;
    await put(lab, "a", { app: "y" }, "newer");
    await put(lab, "a", { app: "x" }, "back");
    const events = await take(watch, 2);
    expect(told(events)).toEqual(["DELETED a", "ADDED a"]);
    expect(events[0]?.object).toMatchObject({
      data: { x: "old" },
      metadata: { labels: { app: "x" }, resourceVersion: String(gone) },
    });
  });

  it("tells by field selector, in one namespace", async () => {
    const { client, kube, api } = testLab();
    await client.create(pods, pod("a"));
    const watch = await kube.stream({
      method: "GET",
      path: "/api/v1/namespaces/default/pods",
      query: { watch: true, fieldSelector: "spec.nodeName=n", resourceVersion: api.resourceVersion },
    });
    await client.create(pods, pod("b", { spec: { nodeName: "n" } }));
    expect(told(await take(watch, 1))).toEqual(["ADDED b"]);
  });

  it("sends bookmarks at intervals and two seconds before its time is up, if asked", async () => {
    const lab = testLab({ bookmarkEveryMs: 60_000 });
    const version = String(lab.api.resourceVersion);
    const watch = await open(lab, { resourceVersion: version, allowWatchBookmarks: true, timeoutSeconds: 90 });
    const events = take(watch, 2);
    await lab.clock.advance(88_000);
    expect(await events).toEqual(
      [0, 1].map(() => ({
        type: "BOOKMARK",
        object: expect.objectContaining({ metadata: { resourceVersion: version } }) as Json,
      })),
    );
    await lab.clock.advance(2_000);
    expect(await take(watch, 1)).toEqual([]);
    expect(lab.clock.pending).toBe(0);
  });

  it("without bookmarks ends in silence", async () => {
    const lab = testLab();
    const events = take(await open(lab, { resourceVersion: lab.api.resourceVersion, timeoutSeconds: 5 }), 9);
    await lab.clock.advance(5000);
    expect(await events).toEqual([]);
  });

  it("marks the end of initial events", async () => {
    const lab = testLab();
    await put(lab, "a");
    const query = { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", allowWatchBookmarks: true };
    const [first, second] = await take(await open(lab, query), 2);
    expect(first?.type).toBe("ADDED");
    expect(second).toMatchObject({
      type: "BOOKMARK",
      object: { metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
    });
  });

  it("leaves nothing behind when its client goes, by leaving or by its signal", async () => {
    const lab = testLab();
    const controller = new AbortController();
    await put(lab, "a");
    const watch = await lab.kube.stream({
      method: "GET",
      path: PATH,
      query: { watch: true, resourceVersion: lab.api.resourceVersion },
      signal: controller.signal,
    });
    const events = take(watch, 1);
    controller.abort(new Error("enough"));
    await expect(events).rejects.toThrow("enough");
    for await (const _ of await open(lab)) break;
    expect(lab.api.watchCount).toBe(0);
    expect(lab.clock.pending).toBe(0);
  });
});
