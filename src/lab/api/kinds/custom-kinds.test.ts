import { expect, it } from "vitest";
import { localVolumes, type LocalVolume } from "../../../api/kinds/local-volume.ts";
import { storagePools } from "../../../api/kinds/storage-pool.ts";
import { isConflict } from "../../../kube/errors.ts";
import type { Stored } from "../../../kube/objects.ts";
import { refused, take, testLab } from "../testing/lab.fixture.ts";

const volume = (name: string, nodeName: string): LocalVolume => ({
  metadata: { name },
  spec: {
    pool: "default",
    capacity: "1Gi",
    nodeName,
    originHostname: nodeName,
    epoch: 1,
    incarnation: "5b1f5a52-6f0e-4d5c-9f5e-000000000001",
    policies: { onDrain: "Move", onNodeLoss: "Wait", maxDowntime: "60s" },
    directory: { mode: "0777", uid: 0, gid: 0 },
    reclaim: false,
  },
});

it("our kinds are cluster-scoped, and found by discovery", async () => {
  const { kube } = testLab();
  const list = await kube.request<{ resources: { name: string; namespaced: boolean; shortNames?: string[] }[] }>({
    method: "GET",
    path: "/apis/mooring.dev/v1alpha1",
  });
  expect(list.resources).toContainEqual(
    expect.objectContaining({ name: "localvolumes", namespaced: false, shortNames: ["lv"] }),
  );
  expect(list.resources.map(({ name }) => name)).toContain("volumemoves/status");
});

it("defaults are filled in, and unknown fields dropped", async () => {
  const { client, kube } = testLab();
  const pool = { metadata: { name: "default" }, spec: { path: "/var/lib/mooring/default", colour: "red" } };
  await kube.request({ method: "POST", path: "/apis/mooring.dev/v1alpha1/storagepools", body: pool });
  expect((await client.get(storagePools, { name: "default" })).spec).toEqual({
    path: "/var/lib/mooring/default",
    backend: "Directory",
    reserve: expect.any(String) as string,
  });
});

it("what does not fit the schema is a 422 that names the field", async () => {
  const { client } = testLab();
  const error = await refused(
    client.create(localVolumes, { ...volume("pvc-1", "a"), spec: { ...volume("pvc-1", "a").spec, epoch: 0 } }),
  );
  expect(error.code).toBe(422);
  expect(error.message).toMatch(/^LocalVolume\.mooring\.dev "pvc-1" is invalid: spec\.epoch: Invalid value: /);
});

it("the status is written by its own endpoint, and only by it", async () => {
  const { client, kube } = testLab();
  const status = { movedAt: "2030-01-01T00:00:00Z" };
  const made = await client.create(localVolumes, { ...volume("pvc-1", "a"), status });
  expect(made.status).toBeUndefined();
  const path = "/apis/mooring.dev/v1alpha1/localvolumes/pvc-1/status";
  const write = (body: object) => kube.request<Stored<LocalVolume>>({ method: "PUT", path, body });
  const written = await write({ ...made, spec: { ...made.spec, pool: "other" }, status });
  expect(written).toMatchObject({ status, spec: { pool: "default" }, metadata: { generation: 1 } });
  await expect(write({ ...made, status: {} })).rejects.toSatisfy(isConflict);
  const { metadata } = await client.get(localVolumes, { name: "pvc-1" });
  const labelled = await write({ ...made, metadata: { ...metadata, labels: { a: "b" } }, status });
  expect(labelled.metadata.labels).toBeUndefined();
  const error = await refused(write({ ...made, metadata, status: { movedAt: "yesterday" } }));
  expect(error.message).toContain(
    'status.movedAt: Invalid value: "yesterday": movedAt in body must be of type date-time',
  );
});

it("lists and watches by selectable fields", async () => {
  const { client, kube } = testLab();
  await client.create(localVolumes, volume("pvc-1", "a"));
  await client.create(localVolumes, volume("pvc-2", "b"));
  const onB = await client.list(localVolumes, { fieldSelector: "spec.nodeName=b" });
  expect(onB.map(({ metadata }) => metadata.name)).toEqual(["pvc-2"]);
  const stream = await kube.stream({
    method: "GET",
    path: "/apis/mooring.dev/v1alpha1/localvolumes",
    query: { watch: true, fieldSelector: "spec.reclaim=true" },
  });
  await client.patchMerge(localVolumes, { name: "pvc-1" }, { spec: { reclaim: true } });
  const [event] = await take(stream, 1);
  expect(event).toMatchObject({ type: "ADDED", object: { metadata: { name: "pvc-1" } } });
});
