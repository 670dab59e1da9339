import { expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { configMaps } from "../../kube/kinds.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { LabApi } from "../../lab/index.ts";
import { silentLog } from "../../observe/log.ts";
import { applyAll, deleteAll } from "./apply.ts";
import { parseManifest } from "./manifest.ts";

const { signal } = new AbortController();

function setup(): KubeClient {
  const api = new LabApi({ clock: manualClock(), random: seededRandom(), log: silentLog });
  return new KubeClient(api.kube());
}

const map = (data: string) => parseManifest("f", `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n${data}`);

it("what is not there is created, and what is there is merged with what the manifest says", async () => {
  const client = setup();
  await applyAll(client, map("data: {a: '1', b: '1'}"), signal);
  await applyAll(client, map("data: {b: '2'}"), signal);
  const at = { name: "c", namespace: "default" };
  expect((await client.get(configMaps, at)).data).toEqual({ a: "1", b: "2" });
});

it.each([
  ["has a field that is not known", "dat: {}", /^f, document 1 \(ConfigMap c\) was refused .*: .*unknown field "dat"/],
  ["is not valid", "data: {'a b': '1'}", /^f, document 1 \(ConfigMap c\) was refused .*: .*data\[a b\]: Invalid value/],
])("an object that %s is named, with the server's words", async (_, data, message) => {
  await expect(applyAll(setup(), map(data), signal)).rejects.toMatchObject({
    code: "DEMO_OBJECT_REFUSED",
    message: expect.stringMatching(message),
  });
});

it("objects are deleted, the last first, and what is gone already is fine", async () => {
  const client = setup();
  const both = parseManifest(
    "f",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: n}",
  );
  await applyAll(client, both, signal);
  await client.delete(configMaps, { name: "c", namespace: "n" });
  await deleteAll(client, both, signal);
  expect((await client.list(configMaps, { namespace: "n" })).length).toBe(0);
});
