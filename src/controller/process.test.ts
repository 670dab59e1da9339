import { afterEach, beforeEach, expect, test } from "vitest";
import { Registry } from "prom-client";
import { systemRandom } from "../effects/node/random.ts";
import { manualClock, settle } from "../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../kube/client.ts";
import { EventRecorder } from "../kube/events/event-recorder.ts";
import { LeaseLost } from "../kube/leader/leader-election.ts";
import { manyListeners } from "../kube/many-listeners.ts";
import { KubeMetrics } from "../kube/metrics.ts";
import { LabKube } from "../lab/api/testing/lab-kube.fixture.ts";
import { silentLog } from "../observe/log.ts";
import { provisionMetrics } from "../provision/metrics.ts";
import { fakeDriver } from "../provision/testing/harness.fixture.ts";
import { runControllerProcess, type ControllerParts } from "./process.ts";
import { watchCluster, type Watched } from "./watched.ts";

let clock = manualClock();
let kube = new LabKube({ clock });
let stops: AbortController[] = [];
beforeEach(() => {
  clock = manualClock();
  kube = new LabKube({ clock });
  kube.put("/api/v1/namespaces/mooring", {});
  stops = [];
});
afterEach(() => {
  for (const stop of stops) stop.abort(new Error("the test is over"));
});

const leaseOf = (identity: string) => ({ namespace: "mooring", name: "controller", identity });

/** A replica on the lab's API server. `story` is what it did, in order. */
function start(identity: string, change: Partial<ControllerParts<Watched>> = {}) {
  const story: string[] = [];
  const stop = new AbortController();
  manyListeners(stop.signal);
  stops.push(stop);
  const client = new KubeClient(kube);
  const random = systemRandom();
  const registry = new Registry();
  let watched: Watched | undefined;
  const ending = (what: string, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      story.push(`${what} begins`);
      signal.addEventListener("abort", () => {
        story.push(`${what} ends`);
        resolve();
      });
    });
  const run = runControllerProcess<Watched>(
    {
      client,
      clock,
      random,
      log: silentLog,
      recorder: new EventRecorder({ client, clock, random, log: silentLog }, { component: "test" }),
      metrics: new KubeMetrics(registry),
      provisionMetrics: provisionMetrics(registry),
    },
    {
      lease: leaseOf(identity),
      watch: (deps) => {
        const cluster = watchCluster(deps);
        watched = { cluster, informers: Object.values(cluster) };
        return watched;
      },
      serve: () => {
        story.push("serves");
        return Promise.resolve({
          port: 0,
          close: () => {
            story.push("server closed");
            return Promise.resolve();
          },
        });
      },
      perReplica: (_, signal) => ending("replica's work", signal),
      perTerm: (_, term) => ending("term's work", term.signal),
      afterTerm: () => {
        story.push("after the term");
        return Promise.resolve();
      },
      drivers: () => {
        story.push("drivers made");
        return [fakeDriver()];
      },
      provisioner: { express: false, owner: "test", namespace: "test" },
      ...change,
    },
    stop.signal,
  );
  const result = run.then(
    () => "ended",
    (error: unknown) => error,
  );
  return {
    story,
    result,
    stop: () => {
      stop.abort(new Error("the process is to stop"));
    },
    claims: () => watched?.cluster.claims.store.size,
  };
}

function putClaim(): void {
  kube.put("/api/v1/namespaces/default/persistentvolumeclaims/c", {
    metadata: { name: "c", namespace: "default" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  });
}

test("a replica serves, works, and leads once it has the lease; its end goes the other way round", async () => {
  const replica = start("one");
  await settle(60);
  expect(replica.story).toEqual(["serves", "replica's work begins", "drivers made", "term's work begins"]);
  replica.stop();
  await settle(60);
  expect(await replica.result).toBe("ended");
  expect(replica.story.slice(4)).toEqual([
    "replica's work ends",
    "term's work ends",
    "after the term",
    "server closed",
  ]);
});

test("a standby watches, serves and does its replica's work, and makes no drivers", async () => {
  start("one");
  await settle(60);
  const standby = start("two");
  await settle(60);
  putClaim();
  await settle();
  expect(standby.claims()).toBe(1);
  expect(standby.story).toEqual(["serves", "replica's work begins"]);
});

test("a standby takes over when the leader stops", async () => {
  const leader = start("one");
  await settle(60);
  const standby = start("two");
  await settle(60);
  leader.stop();
  await settle(60);
  await clock.advance(5_000);
  await settle(60);
  expect(standby.story).toContain("term's work begins");
});

test("a replica that cannot list everything does not stand for election", async () => {
  kube.intercept = (request) => {
    if (request.path === "/api/v1/nodes") throw new Error("no answer");
  };
  const replica = start("one");
  await settle(60);
  expect(replica.story).toEqual(["serves", "replica's work begins"]);
  expect(kube.list("/apis/coordination.k8s.io/v1/namespaces/mooring/leases")).toEqual([]);
  replica.stop();
  await settle(60);
  expect(await replica.result).toBe("ended");
});

test("without a lease the process leads at once", async () => {
  const replica = start("one", { lease: undefined });
  await settle(60);
  expect(replica.story).toContain("term's work begins");
  expect(kube.log.some((line) => line.includes("leases"))).toBe(false);
  replica.stop();
  await settle(60);
  expect(await replica.result).toBe("ended");
  expect(replica.story).toContain("after the term");
});

test("a lost lease ends the term's work and the process, and nothing comes after the term", async () => {
  const replica = start("one");
  await settle(60);
  kube.intercept = (request) => {
    if (request.path.includes("leases")) throw new Error("no answer");
  };
  await clock.advance(11_000);
  await settle(60);
  expect(await replica.result).toBeInstanceOf(LeaseLost);
  expect(replica.story).toContain("term's work ends");
  expect(replica.story).not.toContain("after the term");
  expect(replica.story.at(-1)).toBe("server closed");
});

test.each<[string, Partial<ControllerParts<Watched>>]>([
  ["its replica's work", { perReplica: () => Promise.reject(new Error("broken")) }],
  ["its term's work", { perTerm: () => Promise.reject(new Error("broken")) }],
  [
    "the making of its drivers",
    {
      drivers: () => {
        throw new Error("broken");
      },
    },
  ],
])("a process whose part fails (%s) ends with that error", async (_, change) => {
  const replica = start("one", change);
  await settle(60);
  expect(await replica.result).toEqual(new Error("broken"));
  expect(replica.story.at(-1)).toBe("server closed");
});

test("work that is over before the process is does not end it", async () => {
  const replica = start("one", { perTerm: () => Promise.resolve(), perReplica: () => Promise.resolve() });
  await settle(60);
  expect(replica.story).toEqual(["serves", "drivers made"]);
  replica.stop();
  await settle(60);
  expect(await replica.result).toBe("ended");
});
