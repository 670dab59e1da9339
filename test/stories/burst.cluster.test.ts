/*
 * Bursts on nodes that are only objects: hundreds of claims against a controller manager with its
 * usual 20 requests a second. Whoever binds claims ahead of it risks that it calls them Lost,
 * because it has not heard of their volumes yet: the event ClaimLost, and a phase that nobody takes
 * back. A watch that was opened before sees every state.
 */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from "vitest";
import { ApiError, type ApiClient } from "../cluster/api.ts";
import { useBareGround } from "./support/bare-ground.ts";
import { ClaimWatch } from "./support/claim-watch.ts";
import { openNamespace } from "./support/cleanup.ts";
import { expectNoHelpers } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import type { Claim, KubeEvent, Pod, Volume } from "./support/objects.ts";
import { installWithoutDeployment, leaseOf, PRODUCT_NAMESPACE } from "./support/product.ts";
import { startProductProcess, type ProductProcess } from "./support/product-process.ts";
import { claim, storageClass } from "./support/workloads.ts";

const on = useBareGround();
const NS = "burst";
const OTHER = "stories.mooring.dev/other";
const SHARED = JSON.stringify({ sharedFileSystemPath: "/nowhere/shared" });
/**
 * The controller manager has 20 requests a second, and needs several for each claim that is
 * deleted.
 */
const PATIENCE_MS = 600_000;

/**
 * Create pods that may succeed while the gate is closed; others wait. Else a burst may be over
 * before anything can be done in its middle.
 */
const MAY_SUCCEED = 40;
/** The create pods that were let through a closed gate; undefined while it is open. */
let gate: Set<string> | undefined;

const actors = new AbortController();
let acting: Promise<unknown> = Promise.resolve();
let product: ProductProcess | undefined;
let second: ProductProcess | undefined;
let watch: ClaimWatch;

beforeAll(async () => {
  const { ground, api } = on;
  await installWithoutDeployment(ground);
  await openNamespace(ground, NS);
  await ground.apply(
    toYaml(
      storageClass("burst", { volumeBindingMode: "Immediate" }),
      storageClass("other", { volumeBindingMode: "Immediate", provisioner: OTHER }),
    ),
  );
  acting = Promise.all([playKubelet(api, actors.signal), playProvisioner(api, actors.signal)]);
  product = await startProductProcess(ground, { args: ["--config", SHARED], restarts: true });
});
afterAll(async () => {
  actors.abort();
  await acting;
  await product?.stop();
  await second?.stop();
});

beforeEach(async () => {
  watch = await ClaimWatch.open(on.ground);
});
afterEach(async () => {
  const { lost, rebound, events } = await watch.end();
  expect(events).toBeGreaterThan(100);
  expect(lost, "claims that were Lost at any time").toEqual([]);
  expect(rebound, "claims that changed their volume").toEqual([]);
  const told = await on.ground.list<KubeEvent>("events", { namespace: NS, fieldSelector: "reason=ClaimLost" });
  expect(told.map(({ message }) => message)).toEqual([]);
});

test.each([
  ["200 claims of ours", "burst", "ours", 200],
  // The controller manager alone binds these, and needs half a second for each.
  ["100 claims of another provisioner", "other", "theirs", 100],
] as const)(
  "while %s are deleted, 40 new ones of ours are bound, and none is ever Lost",
  async (_, className, name, count) => {
    await create(name, count, className);
    await expectAllBound(name, count);
    await expectAllSettled();

    await removeAll(name);
    const started = performance.now();
    await create(`${name}-new`, 40, "burst");
    await expectAllBound(`${name}-new`, 40);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const left = (await volumesOf(name)).length;
    process.stderr.write(`40 claims Bound after ${seconds} s, when ${left} of ${count} volumes were left\n`);
    await expectNoVolumes(name);

    await removeAll(`${name}-new`);
    await expectNoVolumes(`${name}-new`);
    await expectNoHelpers(on.ground);
  },
);

test("the controller manager is killed in the middle of a burst and comes back: every claim is bound, and none is ever Lost", async () => {
  const { ground } = on;
  await create("before", 60, "burst");
  await expectAllBound("before", 60);
  await removeAll("before");
  await inTheMiddle("during", 120, async () => {
    await ground.killComponent("controller-manager");
    try {
      const atDeath = (await bound("during")).length;
      process.stderr.write(`the controller manager died when ${atDeath} of 120 claims were Bound\n`);
      expect(atDeath).toBeLessThan(120);
    } finally {
      await ground.startComponent("controller-manager");
    }
  });
  // More, while it lists everything anew.
  await create("after", 40, "burst");
  await expectAllBound("during", 120);
  await expectAllBound("after", 40);
  await expectNoVolumes("before");
  await removeAll("during");
  await removeAll("after");
  await expectNoVolumes("during");
  await expectNoVolumes("after");
  await expectNoHelpers(ground);
});

test("two processes, the leader killed in the middle of a burst: the other goes on, and every claim has one volume", async () => {
  const { ground } = on;
  second = await startProductProcess(ground, { args: ["--config", SHARED], restarts: true });
  const before = await leaseOf(ground);
  const unfinished = await inTheMiddle("failover", 100, async () => {
    await product?.kill();
    product = undefined;
    return 100 - (await bound("failover")).length;
  });
  process.stderr.write(`the leader died with ${unfinished} of 100 claims unfinished\n`);
  expect(unfinished).toBeGreaterThan(0);
  await expectAllBound("failover", 100);
  expect((await leaseOf(ground))?.holder).not.toBe(before?.holder);
  expect(await volumesOf("failover")).toHaveLength(100);
  await removeAll("failover");
  await expectNoVolumes("failover");
  await expectNoHelpers(ground);
});

/**
 * Does something in the middle of a burst of claims. They become Bound in bunches, soon after their
 * volumes: in the middle is when volumes wait for their claims.
 */
async function inTheMiddle<T>(group: string, count: number, work: () => Promise<T>): Promise<T> {
  gate = new Set();
  try {
    await create(group, count, "burst");
    await on.ground.waitFor(
      "some volumes to be stored",
      async () => ((await volumesOf(group)).length >= 30 ? true : undefined),
      { everyMs: 10 },
    );
    return await work();
  } finally {
    gate = undefined;
  }
}

/** Claims `<group>-0`, `<group>-1` and so on, all at once. */
async function create(group: string, count: number, className: string): Promise<void> {
  const path = `/api/v1/namespaces/${NS}/persistentvolumeclaims`;
  const bodies = Array.from({ length: count }, (_, index) =>
    claim(NS, `${group}-${index}`, className, { metadata: { labels: { group } } }),
  );
  await Promise.all(bodies.map(async (body) => on.api.request(path, { method: "POST", body })));
}

async function removeAll(group: string): Promise<void> {
  const selector = encodeURIComponent(`group=${group}`);
  await on.api.request(`/api/v1/namespaces/${NS}/persistentvolumeclaims?labelSelector=${selector}`, {
    method: "DELETE",
  });
}

async function bound(group: string): Promise<Claim[]> {
  const options = { namespace: NS, labelSelector: `group=${group}` };
  const claims = await on.ground.list<Claim>("persistentvolumeclaims", options);
  return claims.filter(({ status }) => status.phase === "Bound");
}

async function expectAllBound(group: string, count: number): Promise<void> {
  await on.ground.waitFor(
    `${count} claims of ${group} to be Bound`,
    async (saw) => {
      const found = await bound(group);
      saw(`${found.length} of ${count}`);
      return found.length === count ? true : undefined;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 200 },
  );
  for (const { metadata, spec } of await bound(group)) expect(spec.volumeName).toBe(`pvc-${metadata.uid}`);
}

/** Volumes of a group's claims, the claims of which may be gone. */
async function volumesOf(group: string): Promise<Volume[]> {
  const volumes = await on.ground.list<Volume>("persistentvolumes");
  return volumes.filter(({ spec }) => new RegExp(`^${group}-\\d+$`).test(spec.claimRef?.name ?? ""));
}

async function expectNoVolumes(group: string): Promise<void> {
  await on.ground.waitFor(
    `the volumes of ${group} to be gone`,
    async (saw) => {
      const left = await volumesOf(group);
      saw(`${left.length}, one of them ${left[0]?.metadata.name ?? ""} ${left[0]?.status.phase ?? ""}`);
      return left.length === 0 ? true : undefined;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 300 },
  );
}

/** The controller manager has given every volume its phase: what follows meets it idle. */
async function expectAllSettled(): Promise<void> {
  await on.ground.waitFor(
    "every volume to be Bound",
    async (saw) => {
      const volumes = await on.ground.list<Volume>("persistentvolumes");
      const open = volumes.filter(({ spec, status }) => spec.claimRef !== undefined && status.phase !== "Bound");
      saw(`${open.length} are not`);
      return open.length === 0 ? true : undefined;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 300 },
  );
}

/** Whether a helper pod may succeed now. */
function mayEnd(pod: string): boolean {
  if (gate === undefined || !pod.startsWith("helper-pod-create-")) return true;
  if (gate.size < MAY_SUCCEED) gate.add(pod);
  return gate.has(pod);
}

/** Every helper pod has succeeded as soon as it is seen, where the gate lets it. */
async function playKubelet(api: ApiClient, signal: AbortSignal): Promise<void> {
  const pods = `/api/v1/namespaces/${PRODUCT_NAMESPACE}/pods`;
  await whileNot(signal, async () => {
    const { items } = await api.request<{ items: Pod[] }>(pods);
    await Promise.all(
      items.map(async ({ metadata, status }) => {
        const path = `${pods}/${metadata.name}`;
        // A kubelet has the last word on a pod's deletion.
        if (metadata.deletionTimestamp !== undefined) {
          await tolerant(api.request(`${path}?gracePeriodSeconds=0`, { method: "DELETE" }));
        } else if (status.phase === "Pending" && mayEnd(metadata.name)) {
          await tolerant(
            api.request(`${path}/status`, {
              method: "PATCH",
              contentType: "application/merge-patch+json",
              body: { status: { phase: "Succeeded" } },
            }),
          );
        }
      }),
    );
  });
}

/**
 * Another provisioner, of the plainest kind: posts volumes and leaves binding to the controller
 * manager, deletes Released ones.
 */
async function playProvisioner(api: ApiClient, signal: AbortSignal): Promise<void> {
  const volumes = "/api/v1/persistentvolumes";
  const posted = new Set<string>();
  await whileNot(signal, async () => {
    const claims = await api.request<{ items: Claim[] }>(`/api/v1/namespaces/${NS}/persistentvolumeclaims`);
    const wanted = claims.items.filter(
      ({ metadata, spec }) => spec.storageClassName === "other" && !posted.has(metadata.uid),
    );
    await Promise.all(
      wanted.map(async (one) => {
        posted.add(one.metadata.uid);
        await api.request(volumes, { method: "POST", body: volumeFor(one) });
        // One of the controller manager's three requests for each of them: this is about what it
        // does when they go.
        await tolerant(
          api.request(`${volumes}/pvc-${one.metadata.uid}/status`, {
            method: "PATCH",
            contentType: "application/merge-patch+json",
            body: { status: { phase: "Bound" } },
          }),
        );
      }),
    );
    if (posted.size === 0) return;
    const { items } = await api.request<{ items: Volume[] }>(volumes);
    const released = items.filter(
      ({ spec, status }) => spec.storageClassName === "other" && status.phase === "Released",
    );
    const names = released.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    await Promise.all(
      names.map(async ({ metadata }) => tolerant(api.request(`${volumes}/${metadata.name}`, { method: "DELETE" }))),
    );
  });
}

function volumeFor({ metadata }: Claim): object {
  const { name, uid } = metadata;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `pvc-${uid}`, annotations: { "pv.kubernetes.io/provisioned-by": OTHER } },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "64Mi" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: NS, name, uid },
      hostPath: { path: `/nowhere/other/${uid}` },
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: "other",
    },
  };
}

async function whileNot(signal: AbortSignal, step: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await step();
    await pause(100);
  }
}

/** Somebody else was first. */
async function tolerant(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 409)) throw error;
  }
}
