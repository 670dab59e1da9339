import { expect, test } from "vitest";
import { SELECTED_NODE, STORAGE_PROVISIONER } from "../../api/names.ts";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { nameOf } from "../../kube/objects.ts";
import { defineErrors } from "../../observe/errors.ts";
import type { Driver, Ledger, ProvisionRequest } from "../driver.ts";
import { fakeDriver, startProvisioner } from "../testing/harness.fixture.ts";

const errors = defineErrors("TEST", {
  NO_ROOM: {
    message: ({ node, wanted, free }: { node: string; wanted: number; free: number }) =>
      `node ${node} has room for ${free} volumes, and the pod needs ${wanted}`,
    retry: "reschedule",
    advice: "-",
  },
  BROKEN: { message: () => "broken", retry: "backoff", advice: "-" },
});

/** So many volumes fit on each node. */
class CountingLedger implements Ledger {
  readonly asked: (readonly string[])[] = [];
  readonly held = new Map<string, string>();
  readonly #perNode: number;

  constructor(perNode: number) {
    this.#perNode = perNode;
  }

  reserve(requests: readonly ProvisionRequest[]): ReturnType<Ledger["reserve"]> {
    this.asked.push(requests.map(({ volumeName }) => volumeName).sort());
    const node = requests[0]?.node;
    const at = node === undefined ? "" : nameOf(node);
    for (const { volumeName } of requests) this.held.delete(volumeName);
    const free = this.#perNode - [...this.held.values()].filter((other) => other === at).length;
    if (free < requests.length) {
      return { outcome: "refused", error: errors.NO_ROOM({ node: at, wanted: requests.length, free }) };
    }
    for (const { volumeName } of requests) this.held.set(volumeName, at);
    return { outcome: "granted" };
  }

  release(volumeName: string): void {
    this.held.delete(volumeName);
  }
}

const containers = [{ name: "main", image: "x" }];

async function start(perNode: number, overrides: Partial<Driver> = {}) {
  const ledger = new CountingLedger(perNode);
  const driver = fakeDriver({ ledger, ...overrides });
  const world = await startProvisioner(driver);
  const path = (name: string): string => `/api/v1/namespaces/default/pods/${name}`;
  return {
    ...world,
    ledger,
    driver,
    putPod: async (name: string, ...claims: string[]) => {
      const volumes = claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
      world.kube.put(path(name), { metadata: { name, namespace: "default" }, spec: { containers, volumes } });
      await settle();
    },
    removePod: async (name: string) => {
      world.kube.remove(path(name));
      await settle();
    },
    select: async (name: string, node: string) => {
      world.putClaim(name, { selectedNode: node });
      await settle();
    },
    selected: (name: string) => world.claim(name)?.metadata?.annotations?.[SELECTED_NODE],
  };
}

/** Never ends, so that what was reserved is not used. */
const never: Partial<Driver> = { provision: () => new Promise(() => undefined) };

test("a pod's claims are asked for together as soon as one of them has a node", async () => {
  const world = await start(2, never);
  world.putClaim("data");
  world.putClaim("log", { metadata: { annotations: undefined } as never });
  await world.putPod("p", "data", "log");
  await world.select("data", "a");
  expect(world.ledger.asked).toEqual([["pvc-claim-data", "pvc-claim-log"]]);
  void world.stop();
});

test("of two pods with two claims each and room for three, one gets both and the other none", async () => {
  const world = await start(3);
  for (const name of ["a-1", "b-1", "a-2", "b-2"]) world.putClaim(name);
  await world.putPod("a", "a-1", "a-2");
  await world.putPod("b", "b-1", "b-2");
  for (const name of ["a-1", "b-1", "a-2", "b-2"]) world.putClaim(name, { selectedNode: "a" });
  await settle();
  expect(["a-1", "a-2", "b-1", "b-2"].filter((name) => world.volume(`pvc-claim-${name}`) !== undefined)).toEqual([
    "a-1",
    "a-2",
  ]);
  expect([world.selected("b-1"), world.selected("b-2")]).toEqual([undefined, undefined]);
  await world.stop();
});

test("a claim without room goes back to the scheduler with the figures in an event", async () => {
  const world = await start(1);
  world.putClaim("log");
  await world.putPod("p", "data", "log");
  await world.select("data", "a");
  expect(world.selected("data")).toBeUndefined();
  expect(world.said("PersistentVolumeClaim data")).toEqual([
    'ProvisioningFailed: node a cannot hold the volume, the scheduler is asked for another one: failed to provision volume with StorageClass "fast": node a has room for 1 volumes, and the pod needs 2',
  ]);
  expect(world.driver.calls).toEqual([]);
  await world.stop();
});

test.each<[string, object]>([
  ["of another driver's class", { spec: { storageClassName: "foreign" } }],
  ["with another node", { selectedNode: "b" }],
  ["that is bound", { spec: { volumeName: "there" } }],
  ["that the driver refuses", { spec: { volumeMode: "Block" } }],
  ["with Immediate binding", { spec: { storageClassName: "now" }, metadata: { annotations: undefined } }],
  ["that another driver was asked for", { metadata: { annotations: { [STORAGE_PROVISIONER]: "other" } } }],
])("a sibling %s is not asked for", async (_, change) => {
  const world = await start(9, never);
  world.kube.put("/apis/storage.k8s.io/v1/storageclasses/foreign", {
    metadata: { name: "foreign" },
    provisioner: "other",
    volumeBindingMode: "WaitForFirstConsumer",
  } as never);
  world.kube.put("/api/v1/nodes/b", { metadata: { name: "b" } });
  world.putClaim("log", change as never);
  await world.putPod("p", "data", "log");
  world.ledger.asked.length = 0;
  await world.select("data", "a");
  expect(world.ledger.asked).toContainEqual(["pvc-claim-data"]);
  void world.stop();
});

test("a generic ephemeral volume's claim is its pod's", async () => {
  const world = await start(2, never);
  world.putClaim("p-scratch");
  world.kube.put("/api/v1/namespaces/default/pods/p", {
    metadata: { name: "p", namespace: "default" },
    spec: {
      containers,
      volumes: [
        { name: "scratch", ephemeral: {} },
        { name: "data", persistentVolumeClaim: { claimName: "data" } },
        { name: "config", configMap: {} },
      ],
    },
  } as never);
  await settle();
  await world.select("data", "a");
  expect(world.ledger.asked).toEqual([["pvc-claim-data", "pvc-claim-p-scratch"]]);
  void world.stop();
});

test("a claim of no pod is asked for alone", async () => {
  const world = await start(1);
  await world.select("data", "a");
  expect(world.ledger.asked).toEqual([["pvc-claim-data"]]);
  expect(world.volume("pvc-claim-data")).toBeDefined();
  await world.stop();
});

test("room is given up when the claim is deleted", async () => {
  const world = await start(2, never);
  await world.select("data", "a");
  expect([...world.ledger.held.keys()]).toEqual(["pvc-claim-data"]);
  world.removeClaim("data");
  await settle();
  expect([...world.ledger.held.keys()]).toEqual([]);
  void world.stop();
});

test("a sibling's room stays while the pod waits, and goes with the pod", async () => {
  const world = await start(2, never);
  world.putClaim("log");
  await world.putPod("p", "data", "log");
  await world.select("data", "a");
  world.putClaim("log", { metadata: { labels: { touched: "yes" } } as never });
  await settle();
  expect([...world.ledger.held.keys()].sort()).toEqual(["pvc-claim-data", "pvc-claim-log"]);
  await world.removePod("p");
  expect([...world.ledger.held.keys()]).toEqual(["pvc-claim-data"]);
  void world.stop();
});

test("a sibling's room goes when the claim that had a node goes back to the scheduler", async () => {
  let fails = false;
  const world = await start(2, {
    provision: ({ node }) =>
      new Promise((_, reject) => {
        fails = true;
        reject(errors.NO_ROOM({ node: node?.metadata.name ?? "", wanted: 2, free: 0 }));
      }),
  });
  world.putClaim("log");
  await world.putPod("p", "data", "log");
  await world.select("data", "a");
  expect(fails).toBe(true);
  expect([...world.ledger.held.keys()]).toEqual([]);
  await world.stop();
});

test("room is kept while a failed volume waits to be tried again", async () => {
  const world = await start(2, { provision: () => Promise.reject(errors.BROKEN({})) });
  await world.select("data", "a");
  expect([...world.ledger.held.keys()]).toEqual(["pvc-claim-data"]);
  await world.stop();
});

test("room that has become a volume is not given up when its claim goes", async () => {
  const world = await start(2);
  await world.select("data", "a");
  world.removeClaim("data");
  await settle();
  expect([...world.ledger.held.keys()]).toEqual(["pvc-claim-data"]);
  await world.stop();
});

test("what is being made keeps its room though its sibling's is refused later", async () => {
  const world = await start(2, {
    provision: ({ volumeName }) =>
      volumeName === "pvc-claim-data" ? Promise.reject(errors.BROKEN({})) : new Promise(() => undefined),
  });
  world.putClaim("log", { selectedNode: "a" });
  await world.putPod("p", "data", "log");
  await world.select("data", "a");
  world.ledger.asked.length = 0;
  await world.clock.advance(16_000);
  expect(world.ledger.asked).toEqual([["pvc-claim-data"]]);
  expect(world.ledger.held.has("pvc-claim-log")).toBe(true);
  void world.stop();
});

test("a pod that has ended does not tie claims together", async () => {
  const world = await start(2, never);
  world.putClaim("log");
  world.kube.put("/api/v1/namespaces/default/pods/done", {
    metadata: { name: "done", namespace: "default" },
    spec: {
      containers,
      volumes: ["data", "log"].map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
    },
    status: { phase: "Succeeded" },
  } as never);
  await settle();
  await world.select("data", "a");
  expect(world.ledger.asked).toEqual([["pvc-claim-data"]]);
  void world.stop();
});

test("the claims of the same name in another namespace are another pod's", async () => {
  const world = await start(2, never);
  world.putClaim("log");
  world.kube.put("/api/v1/namespaces/elsewhere/pods/p", {
    metadata: { name: "p", namespace: "elsewhere" },
    spec: {
      containers,
      volumes: ["data", "log"].map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
    },
  } as never);
  await settle();
  await world.select("data", "a");
  expect(world.ledger.asked).toEqual([["pvc-claim-data"]]);
  void world.stop();
});
