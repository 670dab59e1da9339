import { describe, expect, test } from "vitest";
import { settle } from "../../../effects/testing/manual-clock.fixture.ts";
import { seededRandom } from "../../../kube/testing/seeded-random.fixture.ts";
import { KubeError } from "../../../kube/errors.ts";
import type { Node, Pod } from "../../../kube/kinds.ts";
import { KEEPER_LABEL } from "../../../api/names.ts";
import type { Objects } from "../../cluster/cluster.ts";
import { movable, node, pod } from "../../testing/objects.fixture.ts";
import { stage } from "../../testing/stage.fixture.ts";
import type { DrainView } from "../show/view.ts";
import { Drain, type DrainRequest } from "./run.ts";

const AT_ONCE = { terminationGracePeriodSeconds: 0 };
const plain = pod("web-0", { claims: [], on: "node-a", spec: AT_ONCE });
const db = pod("db-0", { claims: ["data"], on: "node-a", spec: AT_ONCE });
const NO_FLAGS = { deleteEmptyDirData: false, force: false };

function draining(request: Partial<DrainRequest>, ...parts: readonly Partial<Objects>[]) {
  const on = stage(...parts);
  const end = new AbortController();
  const views: DrainView[] = [];
  const notes: string[] = [];
  const begin = () => {
    const show = { update: (view: DrainView) => views.push(view), note: (text: string) => notes.push(text) };
    const effects = { client: on.client, clock: on.clock, random: seededRandom(), show };
    const drain = new Drain(effects, { nodes: ["node-a"], filters: NO_FLAGS, ...request }, end.signal);
    const done = drain.run();
    done.catch(() => undefined);
    return { drain, done };
  };
  const isCordoned = () => (on.kube.at("/api/v1/nodes/node-a") as Node).spec?.unschedulable === true;
  return { ...on, ...begin(), begin, end, isCordoned, views, notes };
}

/** The writes, in their order, without the names of what is made. */
function writesOf(log: readonly string[]): string[] {
  return log.filter((line) => !line.startsWith("GET ")).map((line) => line.replace(/ \/apis?\//, " "));
}

/** As the controller does it: the pod is on the other node when the move is Done. */
function finishMove({ kube, moves, say }: ReturnType<typeof draining>): void {
  const [move] = moves();
  kube.remove("/api/v1/namespaces/app/pods/db-0");
  kube.putUnruled("/api/v1/namespaces/app/pods/db-0", { ...pod("db-0", { claims: ["data"], on: "node-b" }) });
  say(move?.metadata?.name ?? "", { phase: "Done", target: "node-b", bytesTotal: 300, bytesDone: 300 });
}

test("volumes move first, then the node is cordoned, then the other pods are evicted", async () => {
  const on = draining({}, movable("data", "node-a"), { pods: [plain, db] });
  await settle();
  expect(on.moves().map(({ spec }) => spec.reason)).toEqual(["Request"]);
  on.say(on.moves()[0]?.metadata?.name ?? "", { phase: "Copying", target: "node-b", bytesDone: 100, bytesTotal: 300 });
  await on.clock.advance(30_000);
  expect([on.isCordoned(), on.kube.at("/api/v1/namespaces/app/pods/web-0")]).toEqual([
    false,
    expect.objectContaining({
      metadata: expect.not.objectContaining({ deletionTimestamp: expect.anything() as string }) as object,
    }),
  ]);
  finishMove(on);
  await on.clock.advance(3_000);
  expect(await on.done).toEqual({ nodes: ["node-a"], volumes: 1, bytes: 300, pods: 1, seconds: 32 });
  expect(writesOf(on.kube.log)).toEqual([
    "POST mooring.dev/v1alpha1/volumemoves",
    "PATCH v1/nodes/node-a",
    "POST v1/namespaces/app/pods/web-0/eviction",
  ]);
  const after = on.kube.at("/api/v1/namespaces/app/pods/db-0") as Pod;
  expect(after.spec?.nodeName).toBe("node-b");
});

test("interrupted before the cordon, the node is as it was, and the next run follows the same move", async () => {
  const on = draining({}, movable("data", "node-a"), { pods: [plain, db] });
  await settle();
  const name = on.moves()[0]?.metadata?.name ?? "";
  on.say(name, { phase: "Copying", target: "node-b" });
  await on.clock.advance(2_000);
  on.end.abort(new Error("Ctrl-C"));
  await expect(on.done).rejects.toThrow("Ctrl-C");
  expect(on.drain.howToContinue()).toBe(
    `The drain is not complete: node node-a is not cordoned; 1 of its VolumeMoves continues. To continue: moor drain node-a. To cancel: kubectl delete volumemove ${name}.`,
  );
  expect([on.isCordoned(), on.moves().length]).toEqual([false, 1]);

  const again = draining({}, movable("data", "node-a"), { pods: [db] }, { moves: on.moves() as Objects["moves"] });
  await settle();
  finishMove(again);
  await again.clock.advance(3_000);
  expect(await again.done).toMatchObject({ volumes: 1 });
  expect(again.kube.log.filter((line) => line.startsWith("POST /apis/mooring.dev"))).toEqual([]);
});

test("an eviction that is held is tried every five seconds, and the server's words are shown", async () => {
  const on = draining({}, { pods: [plain] });
  let tries = 0;
  on.kube.intercept = ({ method, path }) => {
    if (method !== "POST" || !path.endsWith("/eviction")) return;
    tries += 1;
    if (tries < 3) throw new KubeError({ code: 429, reason: "TooManyRequests", message: `try ${String(tries)}` });
  };
  await settle();
  await on.clock.advance(4_000);
  expect([tries, on.views.at(-1)?.pods[0]]).toEqual([
    1,
    { node: "node-a", pod: "app/web-0", state: "Held", why: "try 1" },
  ]);
  await on.clock.advance(9_000);
  expect(await on.done).toMatchObject({ pods: 1 });
  expect(tries).toBe(3);
});

test("a move that cannot begin is called off, and the drain goes on without it", async () => {
  const on = draining({}, movable("data", "node-a"), { pods: [plain] });
  await settle();
  const blocked = { type: "Blocked", status: "True" as const, reason: "MOVE_NO_TARGET", message: "none fits" };
  on.say(on.moves()[0]?.metadata?.name ?? "", {
    phase: "Planned",
    conditions: [{ ...blocked, lastTransitionTime: "2026-11-27T12:00:00Z" }],
  });
  await on.clock.advance(9_000);
  expect([on.isCordoned(), on.moves().length]).toEqual([false, 1]);
  await on.clock.advance(5_000);
  expect([on.isCordoned(), on.moves().length]).toEqual([true, 0]);
  expect(await on.done).toMatchObject({ volumes: 0, pods: 1 });
});

test("what kubectl would refuse is refused before anything is written", async () => {
  const alone = pod("alone", { claims: [], on: "node-a", metadata: { ownerReferences: [] } });
  const on = draining({}, movable("data", "node-a"), { pods: [db, alone] });
  await expect(on.done).rejects.toMatchObject({
    code: "MOOR_PODS_REFUSED",
    message: expect.stringContaining("app/alone (no controller would make it again; give --force") as string,
  });
  expect([writesOf(on.kube.log), on.drain.howToContinue()]).toEqual([[], undefined]);
});

test("one pod that may not be evicted does not keep the others, and fails the drain", async () => {
  const on = draining({}, { pods: [plain, pod("web-1", { claims: [], on: "node-a", spec: AT_ONCE })] });
  on.kube.intercept = ({ path }) => {
    if (path.includes("/web-0/eviction")) throw new KubeError({ code: 403, reason: "Forbidden", message: "not you" });
  };
  await settle();
  await on.clock.advance(2_000);
  await expect(on.done).rejects.toMatchObject({
    code: "MOOR_PODS_NOT_EVICTED",
    message: "the API server refuses to evict pods of node node-a: app/web-0 (not you)",
  });
  expect(on.kube.at("/api/v1/namespaces/app/pods/web-1")).toBeUndefined();
});

test("a pod that does not end is waited for until the time is up, and said", async () => {
  const slow = pod("slow", { claims: [], on: "node-a", spec: { terminationGracePeriodSeconds: 600 } });
  const on = draining({ timeoutMs: 20_000 }, { pods: [slow] });
  await settle();
  await on.clock.advance(25_000);
  await expect(on.done).rejects.toMatchObject({
    code: "MOOR_TIMED_OUT",
    message: "not done within 20 s: app/slow remain",
  });
  expect(on.drain.howToContinue()).toBe(
    "The drain is not complete: node node-a is cordoned, and nothing evicts pods any more. To continue: moor drain node-a. To cancel: kubectl uncordon node-a.",
  );
});

test("several nodes are all cordoned before the first pod is evicted, then emptied in their order", async () => {
  const third = { nodes: [node("node-c")] };
  const pods = [
    pod("on-a", { claims: [], on: "node-a", spec: AT_ONCE }),
    pod("on-b", { claims: [], on: "node-b", spec: AT_ONCE }),
  ];
  const on = draining({ nodes: ["node-b", "node-a"] }, third, { pods });
  await settle();
  await on.clock.advance(5_000);
  expect(await on.done).toMatchObject({ nodes: ["node-b", "node-a"], pods: 2 });
  expect(writesOf(on.kube.log)).toEqual([
    "PATCH v1/nodes/node-b",
    "PATCH v1/nodes/node-a",
    "POST v1/namespaces/app/pods/on-b/eviction",
    "POST v1/namespaces/app/pods/on-a/eviction",
  ]);
});

describe("with a pod selector", () => {
  const labelled = (app: string) => ({ labels: { app } });
  const parts = [
    movable("data", "node-a"),
    movable("other", "node-a"),
    movable("unused", "node-a"),
    {
      pods: [
        pod("db-0", { claims: ["data"], on: "node-a", metadata: labelled("db") }),
        pod("other-0", { claims: ["other"], on: "node-a", metadata: labelled("other") }),
        pod("web-0", { claims: [], on: "node-a", spec: AT_ONCE, metadata: labelled("db") }),
        pod("web-1", { claims: [], on: "node-a", spec: AT_ONCE, metadata: labelled("web") }),
        // Refused without --force, but only where it is selected.
        pod("alone", { claims: [], on: "node-a", metadata: { ...labelled("web"), ownerReferences: [] } }),
      ],
    },
  ];

  test("only the selected pods are evicted, and only their volumes move", async () => {
    const on = draining({ podSelector: "app in (db)" }, ...parts);
    await settle();
    expect(on.moves().map(({ spec }) => spec.volumes.map(({ name }) => name))).toEqual([["pvc-data"]]);
    finishMove(on);
    await on.clock.advance(3_000);
    expect(await on.done).toMatchObject({ volumes: 1, pods: 1 });
    expect(writesOf(on.kube.log)).toEqual([
      "POST mooring.dev/v1alpha1/volumemoves",
      "PATCH v1/nodes/node-a",
      "POST v1/namespaces/app/pods/web-0/eviction",
    ]);
    for (const name of ["other-0", "web-1", "alone"]) {
      expect((on.kube.at(`/api/v1/namespaces/app/pods/${name}`) as Pod).spec?.nodeName, name).toBe("node-a");
    }
  });

  test("one that leaves pods out leaves the keeper out too, which stands for their volumes", async () => {
    const metadata = { labels: { [KEEPER_LABEL]: "true" } };
    const keeper = pod("keeper-node-a-1", { claims: [], on: "node-a", spec: AT_ONCE, metadata });
    const on = draining({ podSelector: "app notin (other, web)" }, ...parts, { pods: [keeper] });
    await settle();
    expect(on.moves().map(({ spec }) => spec.volumes.map(({ name }) => name))).toEqual([["pvc-data"]]);
    finishMove(on);
    await on.clock.advance(3_000);
    expect(await on.done).toMatchObject({ volumes: 1, pods: 1 });
    expect(writesOf(on.kube.log).filter((line) => line.endsWith("/eviction"))).toEqual([
      "POST v1/namespaces/app/pods/web-0/eviction",
    ]);
  });

  test.each([
    ["that no controller would make again", { metadata: { ownerReferences: [] }, volumes: [] }, "give --force"],
    ["with an emptyDir", { metadata: {}, volumes: [{ name: "cache", emptyDir: {} }] }, "give --delete-emptydir-data"],
  ])("a pod %s is refused too where it has to go along", async (_title, { metadata, volumes }, flag) => {
    const claimed = { name: "data", persistentVolumeClaim: { claimName: "data" } };
    const along = pod("along", {
      claims: [],
      on: "node-a",
      metadata: { ...labelled("web"), ...metadata },
      spec: { volumes: [claimed, ...volumes] },
    });
    const on = draining({ podSelector: "app=db" }, ...parts, { pods: [along] });
    await settle();
    on.end.abort(new Error("it goes on"));
    await expect(on.done).rejects.toMatchObject({
      code: "MOOR_PODS_REFUSED",
      message: expect.stringMatching(new RegExp(`app/along \\(.*${flag}`)) as string,
    });
    expect(writesOf(on.kube.log)).toEqual([]);
  });

  test("how to continue has it", async () => {
    const on = draining({ podSelector: "app=db" }, ...parts);
    await settle();
    on.end.abort(new Error("Ctrl-C"));
    await expect(on.done).rejects.toThrow("Ctrl-C");
    expect(on.drain.howToContinue()).toContain("To continue: moor drain node-a --pod-selector='app=db'. ");
  });

  test("one that is none is refused before anything is written", async () => {
    const on = draining({ podSelector: "app in db" }, ...parts);
    await expect(on.done).rejects.toMatchObject({ code: 400 });
    expect([writesOf(on.kube.log), on.drain.howToContinue()]).toEqual([[], undefined]);
  });
});
