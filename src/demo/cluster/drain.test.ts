import { expect, it, vi } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { nodes, pods, type Pod } from "../../kube/kinds.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { LabApi, podDisruptionBudgets } from "../../lab/index.ts";
import { silentLog } from "../../observe/log.ts";
import { drain } from "./drain.ts";
import { ClusterView, NotReached } from "./view.ts";

const at = { namespace: "default", name: "db-0" };

/** A node with a Ready pod of a StatefulSet, whose disruption budget allows so many evictions. */
async function setup(disruptionsAllowed: number) {
  const effects = { clock: manualClock(), random: seededRandom(), log: silentLog };
  const client = new KubeClient(new LabApi(effects).kube());
  await client.create(nodes, { metadata: { name: "a" } });
  const owner = { apiVersion: "apps/v1", kind: "StatefulSet", name: "db", uid: "1", controller: true };
  await client.create(pods, {
    metadata: { ...at, labels: { app: "db" }, ownerReferences: [owner] },
    spec: { nodeName: "a", terminationGracePeriodSeconds: 0, containers: [{ name: "main", image: "x" }] },
  });
  const conditions = [{ type: "Ready", status: "True" }];
  await client.patchMerge(pods, at, { status: { phase: "Running", conditions } }, { subresource: "status" });
  await client.create(podDisruptionBudgets, {
    metadata: { namespace: "default", name: "db" },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "db" } } },
  });
  const allow = (allowed: number) =>
    client.patchMerge(
      podDisruptionBudgets,
      { namespace: "default", name: "db" },
      { status: { disruptionsAllowed: allowed, observedGeneration: 1 } },
      { subresource: "status" },
    );
  await allow(disruptionsAllowed);
  const view = new ClusterView({ ...effects, client }, "default");
  const end = new AbortController();
  const running = view.run(end.signal);
  await view.synced(end.signal);
  const refusals: string[] = [];
  const onRefusal = (pod: Pod, why: string): void => {
    refusals.push(`${pod.metadata?.name ?? ""}: ${why}`);
  };
  const { signal } = new AbortController();
  return {
    clock: effects.clock,
    client,
    allow,
    refusals,
    drain: () => drain({ client, clock: effects.clock, view, timeoutMs: 20_000, signal, onRefusal }, "a"),
    close: async () => {
      end.abort();
      await running;
    },
  };
}

const WHY = "db-0: Cannot evict pod as it would violate the pod's disruption budget.";

it("a drain cordons, evicts, and ends when the pods are gone", async () => {
  const on = await setup(1);
  const plan = await on.drain();
  expect(plan.evict.map(({ metadata }) => metadata?.name)).toEqual(["db-0"]);
  expect((await on.client.get(nodes, { name: "a" })).spec?.unschedulable).toBe(true);
  expect(await on.client.list(pods)).toEqual([]);
  await on.close();
});

it("an eviction that a disruption budget refuses is asked for again, every five seconds", async () => {
  const on = await setup(0);
  const draining = on.drain();
  await on.clock.advance(5_500);
  expect(on.refusals).toEqual([WHY, WHY]);
  expect(await on.client.list(pods)).toHaveLength(1);
  await on.allow(1);
  await on.clock.advance(5_000);
  await draining;
  expect(await on.client.list(pods)).toEqual([]);
  await on.close();
});

it("a drain that is refused to the end says which pod and why", async () => {
  const on = await setup(0);
  const draining = on.drain().catch((error: unknown) => error);
  await on.clock.advance(21_000);
  const error = await draining;
  expect(error).toBeInstanceOf(NotReached);
  expect((error as Error).message).toBe(
    "cannot evict pod default/db-0: Cannot evict pod as it would violate the pod's disruption budget.",
  );
  await on.close();
});

it("a drain ends the same way when its time is up during an eviction that nobody answers", async () => {
  const on = await setup(1);
  vi.spyOn(on.client, "evict").mockImplementation(
    (_, { signal } = {}) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      }),
  );
  const draining = on.drain().catch((error: unknown) => error);
  await on.clock.advance(21_000);
  expect(await draining).toEqual(new NotReached("cannot evict pod default/db-0: the time is up"));
  await on.close();
});
