import { expect, test } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import type { Kube, KubeRequest } from "../../kube/kube.ts";
import { readCluster, readNamespace } from "./read.ts";

const { signal } = new AbortController();

function kubeOf(answer: (path: string) => unknown) {
  const paths: string[] = [];
  const request = ({ path }: KubeRequest): Promise<unknown> => {
    paths.push(path);
    const found = answer(path);
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  };
  return { effects: { client: new KubeClient({ request } as unknown as Kube), clock: manualClock() }, paths };
}
const empty = { items: [], metadata: { resourceVersion: "1" } };

test("a cluster without our kinds is told apart from one that lacks an object", async () => {
  const gone = new KubeError({ code: 404, reason: "NotFound", message: "the server could not find the resource" });
  const { effects } = kubeOf((path) => (path.includes("mooring.dev") ? gone : empty));
  await expect(readCluster(effects, signal)).rejects.toMatchObject({ code: "MOOR_NOT_INSTALLED" });
});

test("about a claim nothing of another namespace is read", async () => {
  const { effects, paths } = kubeOf(() => empty);
  await readNamespace(effects, "app", signal);
  const namespaced = paths.filter((path) => /pods|claims|events/.test(path));
  expect(namespaced.toSorted()).toEqual(
    ["events", "persistentvolumeclaims", "pods"].map((plural) => `/api/v1/namespaces/app/${plural}`),
  );
});
