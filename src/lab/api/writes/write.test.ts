import { describe, expect, it } from "vitest";
import { configMaps, leases, persistentVolumeClaims, pods } from "../../../kube/kinds.ts";
import { claim, pod, refused, testLab } from "../testing/lab.fixture.ts";

const at = { namespace: "default", name: "data" };
const config = (name: string, data: Record<string, string> = {}) => ({
  metadata: { name, namespace: "default" },
  data,
});

describe("creation", () => {
  it("sets uid, a time stamp of whole seconds and the next version", async () => {
    const { client, clock, api } = testLab();
    await clock.advance(1500);
    const before = api.resourceVersion;
    const { metadata } = await client.create(configMaps, config("a"));
    expect(metadata).toMatchObject({ creationTimestamp: "2030-01-01T00:00:01Z", resourceVersion: String(before + 1) });
    expect(metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata?.generation).toBeUndefined();
  });

  it("makes a name from generateName", async () => {
    const { client } = testLab();
    const made = await client.create(pods, { ...pod(), metadata: { generateName: "web-", namespace: "default" } });
    expect(made.metadata?.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(made.metadata?.generation).toBe(1);
  });

  it("ignores a deletionTimestamp and a status", async () => {
    const { client } = testLab();
    const made = await client.create(persistentVolumeClaims, {
      ...claim(),
      metadata: { ...claim().metadata, deletionTimestamp: "2020-01-01T00:00:00Z" },
      status: { phase: "Bound" },
    });
    expect(made.metadata?.deletionTimestamp).toBeUndefined();
    expect(made.status?.phase).toBe("Pending");
  });

  it("of what is there is refused as AlreadyExists", async () => {
    const { client } = testLab();
    await client.create(persistentVolumeClaims, claim());
    expect(await refused(client.create(persistentVolumeClaims, claim()))).toMatchObject({
      code: 409,
      reason: "AlreadyExists",
      message: 'persistentvolumeclaims "data" already exists',
      details: { name: "data", kind: "persistentvolumeclaims" },
    });
  });

  it("without a namespace to go to is refused with 404, and in one that goes with 403 and its cause", async () => {
    const { client, kube } = testLab();
    const nowhere = { metadata: { name: "a", namespace: "gone" } };
    expect(await refused(client.create(configMaps, nowhere))).toMatchObject({
      code: 404,
      message: 'namespaces "gone" not found',
    });
    await kube.request({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name: "gone" } } });
    await kube.request({ method: "DELETE", path: "/api/v1/namespaces/gone" });
    expect(await refused(client.create(configMaps, nowhere))).toMatchObject({
      code: 403,
      reason: "Forbidden",
      message:
        'configmaps "a" is forbidden: unable to create new content in namespace gone because it is being terminated',
      details: { causes: [{ reason: "NamespaceTerminating", field: "metadata.namespace" }] },
    });
  });

  it.each([
    [
      { metadata: { name: "a", namespace: "other" } },
      "the namespace of the provided object does not match the namespace sent on the request",
    ],
    [
      { kind: "Pod" },
      'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion',
    ],
    [
      { metadata: { name: 5 } },
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
    ],
  ])("of a body that does not fit is a bad request: %j", async (body, message) => {
    const { kube } = testLab();
    const error = await refused(kube.request({ method: "POST", path: "/api/v1/namespaces/default/configmaps", body }));
    expect(error).toMatchObject({ code: 400, reason: "BadRequest" });
    expect(error.message).toContain(message);
  });

  it("of a wrong object is refused with a cause for every field", async () => {
    const { client } = testLab();
    const error = await refused(
      client.create(persistentVolumeClaims, { metadata: { name: "a", namespace: "default" }, spec: {} }),
    );
    expect(error).toMatchObject({
      code: 422,
      reason: "Invalid",
      message:
        'PersistentVolumeClaim "a" is invalid: [spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Required value]',
      details: {
        name: "a",
        kind: "PersistentVolumeClaim",
        causes: [
          {
            reason: "FieldValueRequired",
            message: "Required value: at least 1 access mode is required",
            field: "spec.accessModes",
          },
          { reason: "FieldValueRequired", message: "Required value", field: "spec.resources[storage]" },
        ],
      },
    });
  });

  it("as a dry run answers and stores nothing", async () => {
    const { client, api } = testLab();
    const before = api.resourceVersion;
    expect((await client.create(configMaps, config("a"), { dryRun: true })).metadata?.uid).toBeDefined();
    expect(api.resourceVersion).toBe(before);
    expect(await refused(client.get(configMaps, { namespace: "default", name: "a" }))).toMatchObject({ code: 404 });
  });

  it("with unknown fields is refused if strict", async () => {
    const { kube } = testLab();
    const request = {
      method: "POST",
      path: "/api/v1/namespaces/default/configmaps",
      body: { ...config("a"), dat: 1 },
    } as const;
    expect(await refused(kube.request({ ...request, query: { fieldValidation: "Strict" } }))).toMatchObject({
      code: 400,
      message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dat"',
    });
    expect(await kube.request(request)).not.toHaveProperty("dat");
  });
});

describe("an update", () => {
  it("that changes nothing changes no version and tells no watch", async () => {
    const { client, api } = testLab();
    const made = await client.create(configMaps, config("a", { x: "1" }));
    const before = api.resourceVersion;
    const again = await client.replace(configMaps, made);
    const patched = await client.patchMerge(
      configMaps,
      { namespace: "default", name: "a" },
      { metadata: { labels: {} } },
    );
    expect([again, patched].map(({ metadata }) => metadata?.resourceVersion)).toEqual([String(before), String(before)]);
    expect(api.resourceVersion).toBe(before);
  });

  it("of an older version is a conflict", async () => {
    const { client } = testLab();
    const made = await client.create(configMaps, config("a"));
    await client.replace(configMaps, { ...made, data: { x: "1" } });
    expect(await refused(client.replace(configMaps, { ...made, data: { x: "2" } }))).toMatchObject({
      code: 409,
      reason: "Conflict",
      message:
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    });
    const stale = { metadata: { resourceVersion: made.metadata?.resourceVersion, labels: { a: "b" } } };
    expect(await refused(client.patchMerge(configMaps, { namespace: "default", name: "a" }, stale))).toMatchObject({
      code: 409,
    });
  });

  it("without a version is unconditional, but not for a Lease", async () => {
    const { client } = testLab();
    await client.create(configMaps, config("a"));
    expect((await client.replace(configMaps, config("a", { x: "1" }))).data).toEqual({ x: "1" });
    const lease = { metadata: { name: "l", namespace: "default" }, spec: { holderIdentity: "me" } };
    await client.create(leases, lease);
    expect(await refused(client.replace(leases, lease))).toMatchObject({
      code: 422,
      message:
        'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    });
  });

  it("of another uid is a conflict", async () => {
    const { client } = testLab();
    const made = await client.create(configMaps, config("a"));
    const other = { ...made, metadata: { ...made.metadata, uid: "another" } };
    expect(await refused(client.replace(configMaps, other))).toMatchObject({ code: 409, reason: "Conflict" });
  });

  it("cannot set or take away a deletionTimestamp", async () => {
    const { client } = testLab();
    const made = await client.create(persistentVolumeClaims, claim());
    const dying = { ...made, metadata: { ...made.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" } };
    expect(await refused(client.replace(persistentVolumeClaims, dying))).toMatchObject({ code: 422 });
    await client.delete(persistentVolumeClaims, at);
    const kept = await client.patchMerge(persistentVolumeClaims, at, { metadata: { deletionTimestamp: null } });
    expect(kept.metadata?.deletionTimestamp).toBe("2030-01-01T00:00:00Z");
  });

  it("with another name than the path is a bad request", async () => {
    const { kube } = testLab();
    const path = "/api/v1/namespaces/default/configmaps/a";
    expect(await refused(kube.request({ method: "PUT", path, body: config("b") }))).toMatchObject({
      code: 400,
      message: "the name of the object (b) does not match the name on the URL (a)",
    });
  });

  it("counts generations when the spec changes, not for labels or status", async () => {
    const { client } = testLab();
    await client.create(pods, pod());
    const web = { namespace: "default", name: "web" };
    await client.patchMerge(pods, web, { metadata: { labels: { a: "b" } } });
    await client.patchMerge(pods, web, { status: { phase: "Running" } }, { subresource: "status" });
    expect((await client.get(pods, web)).metadata?.generation).toBe(1);
    await client.patchMerge(pods, web, { spec: { activeDeadlineSeconds: 60 } });
    expect((await client.get(pods, web)).metadata?.generation).toBe(2);
  });

  it("writes the status through its own endpoint only, and nothing else through that endpoint", async () => {
    const { client } = testLab();
    await client.create(pods, pod());
    const web = { namespace: "default", name: "web" };
    const patch = { spec: { activeDeadlineSeconds: 1 }, status: { phase: "Running" } };
    const byStatus = await client.patchMerge(pods, web, patch, { subresource: "status" });
    expect([byStatus.spec?.activeDeadlineSeconds, byStatus.status?.phase]).toEqual([undefined, "Running"]);
    const byMain = await client.patchMerge(pods, web, {
      spec: { activeDeadlineSeconds: 1 },
      status: { phase: "Failed" },
    });
    expect([byMain.spec?.activeDeadlineSeconds, byMain.status?.phase]).toEqual([1, "Running"]);
  });
});

describe("a patch", () => {
  it("that is server-side apply is refused with 415", async () => {
    const { client } = testLab();
    const error = await refused(client.apply(configMaps, config("a"), { fieldManager: "me" }));
    expect(error).toMatchObject({ code: 415, reason: "UnsupportedMediaType" });
  });

  it("whose test fails is refused with 422 and changes nothing", async () => {
    const { client, api } = testLab();
    await client.create(configMaps, config("a", { x: "1" }));
    const before = api.resourceVersion;
    const test = { op: "test", path: "/data/x", value: "2" } as const;
    const patch = [{ op: "replace", path: "/data/x", value: "3" } as const, test];
    const error = await refused(client.patchJson(configMaps, { namespace: "default", name: "a" }, patch));
    expect(error).toMatchObject({
      code: 422,
      reason: "Invalid",
      message: "the server rejected our request due to an error in our request",
    });
    expect(api.resourceVersion).toBe(before);
  });

  it("finds no labels on an object that has lost its last one", async () => {
    const { client } = testLab();
    await client.create(configMaps, { metadata: { name: "a", namespace: "default", labels: { a: "b" } } });
    const a = { namespace: "default", name: "a" };
    await client.patchJson(configMaps, a, [{ op: "remove", path: "/metadata/labels/a" }]);
    const error = await refused(
      client.patchJson(configMaps, a, [{ op: "add", path: "/metadata/labels/a", value: "b" }]),
    );
    expect(error.code).toBe(422);
  });

  it("of what is not there is 404", async () => {
    const { client } = testLab();
    expect(await refused(client.patchMerge(persistentVolumeClaims, at, {}))).toMatchObject({
      code: 404,
      reason: "NotFound",
      message: 'persistentvolumeclaims "data" not found',
    });
  });
});
