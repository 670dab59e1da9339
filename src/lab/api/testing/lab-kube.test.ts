import { expect, test } from "vitest";
import { KubeClient } from "../../../kube/client.ts";
import { KubeError } from "../../../kube/errors.ts";
import { persistentVolumes, pods, type Pod } from "../../../kube/kinds.ts";
import { Failure } from "../errors/failure.ts";
import { refused } from "./lab.fixture.ts";
import { LabKube } from "./lab-kube.fixture.ts";

const PODS = "/api/v1/namespaces/shop/pods";
const spec = { nodeName: "a", containers: [{ name: "main", image: "x" }] };
const inWebShop = { name: "web", namespace: "shop" };

test("what a test puts stands as it says, in one change, in a namespace that is made for it", async () => {
  const kube = new LabKube();
  const changes: unknown[] = [];
  kube.api.onChange("pods", ({ after }) => changes.push(after?.metadata.uid));
  kube.put(`${PODS}/web`, { metadata: { uid: "uid-1", finalizers: ["test/held"] }, spec, status: { phase: "Failed" } });
  kube.put(`${PODS}/web`, { metadata: { finalizers: ["test/held"] }, spec, status: { phase: "Running" } });
  expect(changes).toEqual(["uid-1", "uid-1"]);
  const client = new KubeClient(kube);
  expect(await client.get(pods, inWebShop)).toMatchObject({
    metadata: { uid: "uid-1", finalizers: ["test/held"] },
    spec: { restartPolicy: "Always" },
    status: { phase: "Running" },
  });
  expect(kube.log).toEqual([`GET ${PODS}/web`]);
});

test("what no server would have stored is refused, unless the test insists", () => {
  const kube = new LabKube();
  const volume = { spec: { storageClassName: "c" } };
  const path = "/api/v1/persistentvolumes/v";
  expect(() => {
    kube.put(path, volume);
  }).toThrow(Failure);
  expect(() => {
    kube.put(`${PODS}/web`, { spec: { ...spec, colour: "red" } });
  }).toThrow('unknown field "spec.colour"');
  expect(kube.list(path.slice(0, -2))).toEqual([]);
  kube.putUnruled(path, volume);
  expect(kube.at(path)).toMatchObject(volume);
});

test("a request meets the server's rules, and is refused before them by the test", async () => {
  const kube = new LabKube();
  const client = new KubeClient(kube);
  expect((await refused(client.create(persistentVolumes, { metadata: { name: "v" } }))).code).toBe(422);
  kube.intercept = ({ method }) => {
    if (method === "POST") throw new KubeError({ code: 403, reason: "Forbidden", message: "no" });
  };
  expect((await refused(client.create(persistentVolumes, { metadata: { name: "v" } }))).code).toBe(403);
});

test("a controller that the test plays acts on every write, before the writer has its answer", async () => {
  const kube = new LabKube();
  kube.put("/api/v1/namespaces/shop", {});
  kube.onWrite(PODS, (path, object) => {
    if ((object as Pod).status?.phase === "Pending") kube.put(path, { ...object, status: { phase: "Running" } });
  });
  await new KubeClient(kube).create(pods, { metadata: inWebShop, spec });
  expect(kube.at(`${PODS}/web`)).toMatchObject({ status: { phase: "Running" } });
});

test("a deletion honours the grace of a pod, a removal does not", async () => {
  const kube = new LabKube();
  kube.put(`${PODS}/web`, { spec });
  await kube.delete(`${PODS}/web`);
  expect(kube.at(`${PODS}/web`)?.metadata?.deletionGracePeriodSeconds).toBe(30);
  kube.remove(`${PODS}/web`);
  expect(kube.at(`${PODS}/web`)).toBeUndefined();
});
