import { describe, expect, it } from "vitest";
import { KINDS, REVIEWS } from "../kinds/kinds.ts";
import { fieldsOf } from "../../schema/schema.ts";
import { testLab } from "../testing/lab.fixture.ts";

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

describe("discovery", () => {
  it("tells of every kind in both ways", async () => {
    const { kube } = testLab();
    const plurals = new Set<string>();
    for (const path of ["/api", "/apis"]) {
      const list = await kube.request<{ items: { versions: { resources: { resource: string }[] }[] }[] }>({
        method: "GET",
        path,
        accept: AGGREGATED,
      });
      for (const { versions } of list.items)
        for (const { resources } of versions) for (const { resource } of resources) plurals.add(resource);
    }
    expect([...plurals].sort()).toEqual([...new Set([...KINDS, ...REVIEWS].map(({ plural }) => plural))].sort());
    const apps = await kube.request<{ resources: { name: string }[] }>({ method: "GET", path: "/apis/apps/v1" });
    expect(apps.resources.map(({ name }) => name)).toContain("statefulsets/scale");
  });

  it("says that PATCH validates fields, which kubectl asks before it trusts the server to", async () => {
    const { kube } = testLab();
    const document = await kube.request<{ paths: Record<string, { patch: { parameters: { name: string }[] } }> }>({
      method: "GET",
      path: "/openapi/v3/apis/apps/v1",
    });
    const patch = document.paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]?.patch;
    expect(patch?.parameters.map(({ name }) => name)).toContain("fieldValidation");
  });

  it("has a version and is well", async () => {
    const { kube } = testLab();
    expect(await kube.request({ method: "GET", path: "/version" })).toMatchObject({
      major: "1",
      gitVersion: expect.stringContaining("+lab") as string,
    });
    expect(await kube.request({ method: "GET", path: "/readyz", as: "text" })).toBe("ok");
  });
});

it("the types of every kind are recorded", () => {
  expect([...KINDS, ...REVIEWS].filter(({ type }) => fieldsOf(type) === undefined)).toEqual([]);
});
