import { expect, test } from "vitest";
import { configMaps, namespaces, pods } from "../../../kube/kinds.ts";
import { roles, services } from "../../objects/kinds.ts";
import { managerOnLab } from "../testing/manager-on-lab.fixture.ts";

const at = (name: string) => ({ name, namespace: "short" });

async function deletedNamespace(pod: object) {
  const { api, client, clock, stop } = managerOnLab("namespace");
  await client.create(namespaces, { metadata: { name: "short" } });
  await client.create(roles, { metadata: at("reader") });
  await client.create(services, { metadata: at("web"), spec: { clusterIP: "None" } } as object);
  await client.create(configMaps, { metadata: at("one") });
  await client.create(pods, { metadata: at("pod"), spec: { containers: [{ name: "main", image: "x" }], ...pod } });
  await clock.advance(1000);
  await client.delete(namespaces, { name: "short" });
  const left = (): string[] =>
    ["pods", "configmaps", "services", "roles.rbac.authorization.k8s.io"].filter(
      (collection) => api.objects(collection).filter(({ metadata }) => metadata.namespace === "short").length > 0,
    );
  const gone = (): boolean => !api.objects("namespaces").some(({ metadata }) => metadata.name === "short");
  return { clock, client, left, gone, stop };
}

test("a namespace is emptied five seconds after its deletion, of kinds that no controller follows as well, and gone", async () => {
  const { clock, left, gone, stop } = await deletedNamespace({});
  await clock.advance(4900);
  expect(left()).toHaveLength(4);
  await clock.advance(200);
  expect([left(), gone()]).toEqual([[], true]);
  await stop();
});

test("as long as a pod is ending nothing else of a namespace is deleted", async () => {
  const { clock, client, left, gone, stop } = await deletedNamespace({
    nodeName: "n",
    terminationGracePeriodSeconds: 4,
  });
  await clock.advance(20_000);
  expect(left()).toHaveLength(4);
  await client.delete(pods, at("pod"), { gracePeriodSeconds: 0 });
  await clock.advance(3_000);
  expect([left(), gone()]).toEqual([[], true]);
  await stop();
});
