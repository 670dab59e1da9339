import { describe, expect, it } from "vitest";
import { configMaps, events, pods } from "../../../kube/kinds.ts";
import type { KubeList } from "../../../kube/objects.ts";
import { pod, refused, testLab, type TestLab } from "../testing/lab.fixture.ts";

const PATH = "/api/v1/namespaces/default/configmaps";

async function labWith(count: number): Promise<TestLab> {
  const lab = testLab();
  for (let index = 0; index < count; index++) await add(lab, `c${String(index)}`);
  return lab;
}

async function add({ client }: TestLab, name: string): Promise<void> {
  await client.create(configMaps, { metadata: { name, namespace: "default", labels: { half: String(name.length) } } });
}

type Page = KubeList<{ metadata: { name: string } }>;

async function list({ kube }: TestLab, query: Record<string, string | number>, path = PATH): Promise<Page> {
  return await kube.request<Page>({ method: "GET", path, query });
}

const names = ({ items }: Page): string[] => items.map(({ metadata }) => metadata.name);

describe("a list", () => {
  it("carries the current version, and items without kind", async () => {
    const lab = await labWith(2);
    const all = await list(lab, {});
    expect(all).toMatchObject({
      kind: "ConfigMapList",
      apiVersion: "v1",
      metadata: { resourceVersion: String(lab.api.resourceVersion) },
    });
    expect(all.items[0]).not.toHaveProperty("kind");
  });

  it("by pages shows the version of the first page, whatever happens meanwhile", async () => {
    const lab = await labWith(5);
    const first = await list(lab, { limit: 2 });
    expect(first.metadata).toMatchObject({ remainingItemCount: 3 });
    await add(lab, "c9");
    await lab.client.delete(configMaps, { namespace: "default", name: "c3" });
    const second = await list(lab, { limit: 2, continue: first.metadata?.continue ?? "" });
    const third = await list(lab, { limit: 2, continue: second.metadata?.continue ?? "" });
    expect([first, second, third].map(names)).toEqual([["c0", "c1"], ["c2", "c3"], ["c4"]]);
    expect(third.metadata?.resourceVersion).toBe(first.metadata?.resourceVersion);
    expect(third.metadata?.continue).toBeUndefined();
  });

  it("counts no remaining items when it selects", async () => {
    const lab = await labWith(5);
    const page = await list(lab, { limit: 2, labelSelector: "half=2" });
    expect(page.metadata?.continue).toBeDefined();
    expect(page.metadata?.remainingItemCount).toBeUndefined();
  });

  it("whose token has expired is 410 with a token that goes on from now", async () => {
    const lab = await labWith(4);
    const first = await list(lab, { limit: 2 });
    await add(lab, "c2a");
    lab.api.compact();
    const answer = await lab.api.handle({
      method: "GET",
      path: PATH,
      query: { limit: "5", continue: first.metadata?.continue ?? "" },
      body: undefined,
      contentType: "",
      accept: "",
      user: { name: "me", groups: [] },
    });
    expect(answer).toMatchObject({
      code: 410,
      body: { reason: "Expired", metadata: { continue: expect.any(String) as string } },
    });
    const token = (answer as unknown as { body: { metadata: { continue: string } } }).body.metadata.continue;
    expect(names(await list(lab, { limit: 5, continue: token }))).toEqual(["c2", "c2a", "c3"]);
  });

  it("of an exact version shows that version; of one not older the newest", async () => {
    const lab = await labWith(1);
    const then = String(lab.api.resourceVersion);
    await add(lab, "c1");
    expect(names(await list(lab, { resourceVersion: then, resourceVersionMatch: "Exact" }))).toEqual(["c0"]);
    expect(names(await list(lab, { resourceVersion: then, resourceVersionMatch: "NotOlderThan" }))).toEqual([
      "c0",
      "c1",
    ]);
    expect(names(await list(lab, { resourceVersion: "0" }))).toEqual(["c0", "c1"]);
  });

  it("of a version in the future times out and says why", async () => {
    const lab = await labWith(1);
    expect(await refused(list(lab, { resourceVersion: "999999" }))).toMatchObject({
      code: 504,
      reason: "Timeout",
      message: `Timeout: Too large resource version: 999999, current: ${String(lab.api.resourceVersion)}`,
      details: { causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }] },
    });
  });

  it.each([
    [{ resourceVersionMatch: "Exact" }, 422],
    [{ resourceVersion: "0", resourceVersionMatch: "Exact" }, 422],
    [{ resourceVersion: "abc" }, 400],
    [{ continue: "abc" }, 400],
    [{ labelSelector: "a in (" }, 400],
    [{ fieldSelector: "spec.nothing=1" }, 400],
  ])("is refused for %j", async (query, code) => {
    expect(await refused(list(await labWith(1), query))).toMatchObject({ code });
  });

  it("selects by the fields of the kind", async () => {
    const lab = testLab();
    await lab.client.create(pods, pod("a"));
    await lab.client.create(pods, pod("b", { spec: { nodeName: "n" } }));
    const by = async (fieldSelector: string): Promise<string[]> =>
      names(await list(lab, { fieldSelector }, "/api/v1/pods"));
    expect(await by("spec.nodeName=n")).toEqual(["b"]);
    expect(await by("spec.nodeName!=n,status.phase=Pending")).toEqual(["a"]);
    expect(await by("metadata.name=a,metadata.namespace=default")).toEqual(["a"]);
  });
});

it("events are the same objects in both their groups", async () => {
  const { client, kube } = testLab();
  await client.create(events, {
    metadata: { name: "e", namespace: "default" },
    involvedObject: { kind: "Pod", name: "web", namespace: "default" },
    message: "said",
    reason: "Because",
    type: "Normal",
  });
  const path = "/apis/events.k8s.io/v1/namespaces/default/events";
  expect(await kube.request({ method: "GET", path: `${path}/e` })).toMatchObject({
    apiVersion: "events.k8s.io/v1",
    regarding: { name: "web" },
    note: "said",
  });
  await kube.request({
    method: "POST",
    path,
    body: {
      metadata: { name: "f" },
      regarding: { kind: "Pod", name: "x", namespace: "default" },
      note: "new",
      reason: "R",
      action: "Testing",
      eventTime: "2001-01-01T00:00:00.000000Z",
      reportingController: "example.com/c",
      reportingInstance: "c-1",
      type: "Normal",
    },
  });
  expect(await client.get(events, { namespace: "default", name: "f" })).toMatchObject({
    message: "new",
    involvedObject: { name: "x" },
  });
  const chosen = await client.list(events, { fieldSelector: "involvedObject.name=x" });
  expect(chosen.map(({ metadata }) => metadata.name)).toEqual(["f"]);
});
