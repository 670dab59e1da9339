import { describe, expect, it } from "vitest";
import { configMaps, persistentVolumeClaims, persistentVolumes, pods } from "../../../kube/kinds.ts";
import { claim, pod, refused, take, testLab, volume, type TestLab } from "../testing/lab.fixture.ts";

const at = { namespace: "default", name: "data" };
const web = { namespace: "default", name: "web" };

async function boundPod(lab: TestLab): Promise<void> {
  await lab.client.create(pods, pod());
  await bind(lab);
}

async function bind({ kube }: TestLab): Promise<void> {
  await kube.request({
    method: "POST",
    path: "/api/v1/namespaces/default/pods/web/binding",
    body: { apiVersion: "v1", kind: "Binding", metadata: { name: "web" }, target: { kind: "Node", name: "n" } },
  });
}

describe("deletion", () => {
  it("of what nobody holds is at once, and the last event carries the state with a new version", async () => {
    const { client, api } = testLab();
    await client.create(configMaps, { metadata: { name: "a", namespace: "default" }, data: { x: "1" } });
    const from = String(api.resourceVersion);
    const watch = await client.watch(configMaps, { resourceVersion: from });
    await client.delete(configMaps, { namespace: "default", name: "a" });
    const [event] = await take(watch, 1);
    expect(event).toMatchObject({
      type: "DELETED",
      object: { data: { x: "1" }, metadata: { resourceVersion: String(Number(from) + 1) } },
    });
  });

  it("of what has finalizers waits for the last of them", async () => {
    const { client, api } = testLab();
    await client.create(persistentVolumeClaims, claim());
    const from = String(api.resourceVersion);
    const watch = await client.watch(persistentVolumeClaims, { resourceVersion: from });
    await client.delete(persistentVolumeClaims, at);
    await client.delete(persistentVolumeClaims, at);
    expect((await client.get(persistentVolumeClaims, at)).metadata).toMatchObject({
      deletionTimestamp: "2030-01-01T00:00:00Z",
      deletionGracePeriodSeconds: 0,
      finalizers: ["kubernetes.io/pvc-protection"],
    });
    await client.patchMerge(persistentVolumeClaims, at, { metadata: { finalizers: null } });
    const events = await take(watch, 2);
    expect(events.map(({ type }) => type)).toEqual(["MODIFIED", "DELETED"]);
    // What was stored last had it still.
    expect(events[1]?.object.metadata["finalizers"]).toEqual(["kubernetes.io/pvc-protection"]);
    expect(await refused(client.get(persistentVolumeClaims, at))).toMatchObject({ code: 404 });
  });

  it("of a pod without a node is two writes: the grace period of 0, and the end", async () => {
    const { client, api } = testLab();
    await client.create(pods, pod());
    const watch = await client.watch(pods, { resourceVersion: String(api.resourceVersion) });
    await client.delete(pods, web);
    const events = await take(watch, 2);
    expect(events.map(({ type, object }) => [type, object.metadata["deletionGracePeriodSeconds"]])).toEqual([
      ["MODIFIED", 0],
      ["DELETED", 0],
    ]);
    expect(events[0]?.object.metadata["resourceVersion"]).not.toBe(events[1]?.object.metadata["resourceVersion"]);
  });

  it("is final: finalizers cannot be added any more", async () => {
    const { client } = testLab();
    await client.create(persistentVolumes, volume());
    await client.delete(persistentVolumes, { name: "pv-1" });
    const patch = { metadata: { finalizers: ["kubernetes.io/pv-protection", "a.example/b"] } };
    expect(await refused(client.patchMerge(persistentVolumes, { name: "pv-1" }, patch))).toMatchObject({
      code: 422,
      details: {
        causes: [
          {
            reason: "FieldValueForbidden",
            field: "metadata.finalizers",
            message:
              'Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.example/b"}',
          },
        ],
      },
    });
  });

  it("of another uid or version than asked is a conflict", async () => {
    const { client } = testLab();
    const made = await client.create(persistentVolumes, volume());
    const pv = { name: "pv-1" };
    expect(await refused(client.delete(persistentVolumes, pv, { uid: "other" }))).toMatchObject({
      code: 409,
      reason: "Conflict",
      message: `Operation cannot be fulfilled on PersistentVolume "pv-1": the UID in the precondition (other) does not match the UID in record (${made.metadata?.uid ?? ""}). The object might have been deleted and then recreated`,
    });
    expect(await refused(client.delete(persistentVolumes, pv, { resourceVersion: "1" }))).toMatchObject({ code: 409 });
    await client.delete(persistentVolumes, pv, { uid: made.metadata?.uid });
  });

  it.each([
    ["Foreground", ["foregroundDeletion"]],
    ["Orphan", ["orphan"]],
  ] as const)("with policy %s leaves a finalizer for the garbage collector", async (propagationPolicy, finalizers) => {
    const { client } = testLab();
    await client.create(pods, pod());
    await client.delete(pods, web, { propagationPolicy });
    expect((await client.get(pods, web)).metadata?.finalizers).toEqual(finalizers);
  });

  it("with a policy that does not exist is refused", async () => {
    const { kube } = testLab();
    const path = "/api/v1/namespaces/default/pods/web";
    expect(await refused(kube.request({ method: "DELETE", path, body: { propagationPolicy: "Never" } }))).toMatchObject(
      { code: 422 },
    );
  });

  it("answers the object for some kinds and a Status for others", async () => {
    const { client, kube } = testLab();
    await client.create(configMaps, { metadata: { name: "a", namespace: "default" } });
    await client.create(pods, pod());
    const path = "/api/v1/namespaces/default";
    expect(await kube.request({ method: "DELETE", path: `${path}/configmaps/a` })).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "a", kind: "configmaps" },
    });
    expect(await kube.request({ method: "DELETE", path: `${path}/pods/web` })).toMatchObject({ kind: "Pod" });
  });

  it("of a collection takes what the selector selects", async () => {
    const { client, kube } = testLab();
    for (const name of ["a", "b"]) await client.create(pods, pod(name, { labels: { app: name } }));
    await kube.request({
      method: "DELETE",
      path: "/api/v1/namespaces/default/pods",
      query: { labelSelector: "app=a" },
    });
    expect((await client.list(pods)).map(({ metadata }) => metadata?.name)).toEqual(["b"]);
  });

  it("as a dry run removes nothing", async () => {
    const { client, kube } = testLab();
    await client.create(pods, pod());
    await kube.request({ method: "DELETE", path: "/api/v1/namespaces/default/pods/web", query: { dryRun: "All" } });
    expect(await client.list(pods)).toHaveLength(1);
  });
});

describe("deletion of a pod", () => {
  it("that is on no node is at once", async () => {
    const { client } = testLab();
    await client.create(pods, pod());
    await client.delete(pods, web);
    expect(await client.list(pods)).toEqual([]);
  });

  it("on a node waits for the kubelet's own, with grace period 0", async () => {
    const lab = testLab();
    await boundPod(lab);
    await lab.client.delete(pods, web);
    expect((await lab.client.get(pods, web)).metadata).toMatchObject({
      deletionTimestamp: "2030-01-01T00:00:30Z",
      deletionGracePeriodSeconds: 30,
      generation: 2,
    });
    await lab.client.delete(pods, web, { gracePeriodSeconds: 0 });
    expect(await lab.client.list(pods)).toEqual([]);
  });

  it("may be hastened but not delayed", async () => {
    const lab = testLab();
    await boundPod(lab);
    await lab.client.delete(pods, web);
    await lab.client.delete(pods, web, { gracePeriodSeconds: 60 });
    expect((await lab.client.get(pods, web)).metadata?.deletionGracePeriodSeconds).toBe(30);
    await lab.client.delete(pods, web, { gracePeriodSeconds: 5 });
    expect((await lab.client.get(pods, web)).metadata).toMatchObject({
      deletionTimestamp: "2030-01-01T00:00:05Z",
      deletionGracePeriodSeconds: 5,
    });
  });

  it("with a finalizer waits for both the kubelet and the finalizer", async () => {
    const lab = testLab();
    await lab.client.create(pods, { ...pod(), metadata: { ...web, finalizers: ["a.example/b"] } });
    await bind(lab);
    await lab.client.delete(pods, web);
    await lab.client.delete(pods, web, { gracePeriodSeconds: 0 });
    expect((await lab.client.get(pods, web)).metadata?.deletionGracePeriodSeconds).toBe(0);
    await lab.client.patchMerge(pods, web, { metadata: { finalizers: null } });
    expect(await lab.client.list(pods)).toEqual([]);
  });

  it("that has ended is at once", async () => {
    const lab = testLab();
    await boundPod(lab);
    await lab.client.patchMerge(pods, web, { status: { phase: "Succeeded" } }, { subresource: "status" });
    await lab.client.delete(pods, web);
    expect(await lab.client.list(pods)).toEqual([]);
  });
});

describe("deletion of a namespace", () => {
  it("ends when its controller takes the kubernetes finalizer away", async () => {
    const { kube } = testLab();
    const path = "/api/v1/namespaces/foo";
    await kube.request({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name: "foo" } } });
    const dying = await kube.request<{ metadata: object }>({ method: "DELETE", path });
    expect(dying).toMatchObject({ status: { phase: "Terminating" }, spec: { finalizers: ["kubernetes"] } });
    await kube.request({
      method: "PATCH",
      path,
      body: { spec: { finalizers: null } },
      contentType: "application/merge-patch+json",
    });
    expect(await kube.request({ method: "GET", path })).toMatchObject({ spec: { finalizers: ["kubernetes"] } });
    await kube
      .request({ method: "PUT", path: `${path}/finalize`, body: { ...dying, spec: {} } })
      .catch(() => undefined);
    expect(await refused(kube.request({ method: "GET", path }))).toMatchObject({ code: 404 });
  });

  it("is refused for those that Kubernetes lives in", async () => {
    const { kube } = testLab();
    expect(await refused(kube.request({ method: "DELETE", path: "/api/v1/namespaces/default" }))).toMatchObject({
      code: 403,
      message: 'namespaces "default" is forbidden: this namespace may not be deleted',
    });
  });
});
