import { describe, expect, it } from "vitest";
import { configMaps, events, persistentVolumeClaims, persistentVolumes, pods } from "../../kube/kinds.ts";
import { claim, pod, refused, take, testLab, volume, type TestLab } from "./testing/lab.fixture.ts";

const web = { namespace: "default", name: "web" };

describe("the lab in process", () => {
  it("repeats exactly from its seed, faults included", async () => {
    const run = async (seed: number): Promise<string> => {
      const seen: unknown[] = [];
      const { api, client, clock } = testLab({
        seed,
        observe: ({ method, path }, code) => seen.push([method, path, code]),
      });
      const { faults } = api;
      faults.add({ fault: { do: "refuse", code: 503 }, chance: 0.3 });
      faults.add({ fault: { do: "delay", when: "before", ms: [0, 1000] }, chance: 0.3 });
      for (let index = 0; index < 20; index++) {
        const made = client.create(pods, { ...pod(), metadata: { generateName: "p-", namespace: "default" } });
        const outcome = made.then(
          ({ metadata }) => seen.push(metadata),
          (error: unknown) => seen.push(String(error)),
        );
        await clock.advance(1000);
        await outcome;
      }
      return JSON.stringify([seen, [...api.dump()]]);
    };
    expect(await run(7)).toBe(await run(7));
    expect(await run(7)).not.toBe(await run(8));
  });

  it("takes a body as it would go over the wire: what is undefined is not there", async () => {
    const { client } = testLab();
    await client.create(configMaps, { metadata: { ...web, labels: { a: "b" } } });
    const patched = await client.patchMerge(configMaps, web, { metadata: { labels: undefined } });
    expect(patched.metadata?.labels).toEqual({ a: "b" });
  });

  it("gives what it stores frozen, and keeps nothing of what it was given", async () => {
    const { client } = testLab();
    const mine = claim();
    const made = await client.create(persistentVolumeClaims, mine);
    expect([Object.isFrozen(made), Object.isFrozen(mine.metadata)]).toEqual([true, false]);
  });

  it("dumps everything in order", async () => {
    const { api, client } = testLab();
    await client.create(persistentVolumes, volume("b"));
    await client.create(persistentVolumes, volume("a"));
    expect(
      api
        .dump()
        .get("persistentvolumes")
        ?.map(({ metadata }) => metadata.name),
    ).toEqual(["a", "b"]);
    expect([...api.dump().keys()]).toContain("namespaces");
  });

  it("forgets events an hour after their last change", async () => {
    const { client, clock } = testLab();
    const event = (name: string) =>
      client.create(events, { metadata: { name, namespace: "default" }, involvedObject: { kind: "Node", name: "n" } });
    await event("old");
    await event("renewed");
    await clock.advance(1800_000);
    await client.patchMerge(events, { namespace: "default", name: "renewed" }, { count: 2 });
    await clock.advance(1800_000);
    expect((await client.list(events)).map(({ metadata }) => metadata.name)).toEqual(["renewed"]);
  });

  it.each(["/api/v1/nothings", "/api/v1/namespaces/default/nodes", "/api/v1/pods/web"])("knows no %s", async (path) => {
    const { kube } = testLab();
    expect(await refused(kube.request({ method: "GET", path }))).toMatchObject({
      code: 404,
      message: "the server could not find the requested resource",
    });
  });

  it.each(["/apis/none.example/v1/things", "/nothing"])("answers %s with text, as no group serves it", async (path) => {
    const { api } = testLab();
    const request = { method: "GET", path, query: {}, body: undefined, contentType: "", accept: "" };
    const answer = await api.handle({ ...request, user: { name: "a", groups: [] } });
    expect(answer).toMatchObject({ code: 404, body: "404 page not found\n", contentType: "text/plain" });
  });
});

describe("fault switches", () => {
  async function lost(lab: TestLab, when: "before" | "after"): Promise<void> {
    lab.api.faults.add({
      fault: { do: "drop", when },
      matches: ({ verb, plural }) => verb === "create" && plural === "pods",
      times: 1,
    });
    expect(await refused(lab.client.create(pods, pod()))).toMatchObject({ code: 0, reason: "ConnectionReset" });
  }

  it("lose a request: nothing has happened", async () => {
    const lab = testLab();
    await lost(lab, "before");
    expect(await lab.client.list(pods)).toEqual([]);
  });

  it("lose a reply: it has happened all the same", async () => {
    const lab = testLab();
    await lost(lab, "after");
    expect(await refused(lab.client.create(pods, pod()))).toMatchObject({ reason: "AlreadyExists" });
  });

  it.each([409, 429, 500, 503] as const)("answer %i instead", async (code) => {
    const { api, client } = testLab();
    const disarm = api.faults.add({ fault: { do: "refuse", code, retryAfterSeconds: 3 } });
    expect(await refused(client.list(pods))).toMatchObject({ code, retryAfterSeconds: 3 });
    disarm();
    expect(await client.list(pods)).toEqual([]);
  });

  it("let some matching requests through first", async () => {
    const { api, client } = testLab();
    api.faults.add({ fault: { do: "refuse", code: 500 }, after: 2, times: 1 });
    const codes: number[] = [];
    for (let index = 0; index < 4; index++)
      codes.push(
        await client.list(pods).then(
          () => 200,
          () => 500,
        ),
      );
    expect(codes).toEqual([200, 200, 500, 200]);
  });

  it("delay by the clock, and a client that has no patience gives up", async () => {
    const { api, client, clock } = testLab();
    api.faults.add({ fault: { do: "delay", when: "after", ms: 5000 } });
    const patient = client.create(pods, pod());
    const hasty = refused(client.create(pods, pod("b"), { timeoutMs: 1000 }));
    await clock.advance(1000);
    expect(await hasty).toMatchObject({ code: 0, reason: "Timeout" });
    await clock.advance(4000);
    expect((await patient).metadata?.name).toBe("web");
    api.faults.clear();
    expect(await client.list(pods)).toHaveLength(2);
  });

  it("stall watches, which catch up when they are let go", async () => {
    const { api, client } = testLab();
    const release = api.faults.stallWatches(({ plural }) => plural === "pods");
    const watch = await client.watch(pods, { resourceVersion: String(api.resourceVersion) });
    let heard = 0;
    const events = take(watch, 2).then((all) => (heard = all.length));
    await client.create(pods, pod("a"));
    await client.create(pods, pod("b"));
    expect(heard).toBe(0);
    release();
    expect(await events).toBe(2);
  });

  it("break watches", async () => {
    const { api, client } = testLab();
    const watch = await client.watch(pods, { resourceVersion: String(api.resourceVersion) });
    const events = refused(take(watch, 1));
    api.faults.breakWatches();
    expect(await events).toMatchObject({ code: 0, reason: "ConnectionReset" });
    expect(api.watchCount).toBe(0);
  });
});
