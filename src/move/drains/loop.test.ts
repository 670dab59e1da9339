import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { localVolumeSpec } from "../../api/testing/local-volume.fixture.ts";
import { manualClock, type ManualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, pods, type Pod } from "../../kube/kinds.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { Informer } from "../../kube/watch/informer.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { keeperIndex } from "../../movable/keepers/keepers.ts";
import { watchKinds } from "../../movable/watched.ts";
import { recordingLog, type RecordingLog } from "../../observe/testing/recording-log.fixture.ts";
import type { Recorder } from "../../provision/events.ts";
import { podIndexes, volumeIndexes } from "../../provision/indexes.ts";
import { Asks } from "./asks.ts";
import { runDrainLoop } from "./loop.ts";

const API = "/apis/mooring.dev/v1alpha1";
const DAY_MS = 24 * 3600 * 1000;

let clock: ManualClock;
let kube: LabKube;
let log: RecordingLog;
let stop: AbortController;
let running: Promise<unknown>[];
let asks: Asks;
const record = vi.fn<Recorder["record"]>();
beforeEach(() => {
  record.mockClear();
  clock = manualClock();
  asks = new Asks(clock);
  kube = new LabKube({ clock });
  log = recordingLog();
  stop = new AbortController();
  manyListeners(stop.signal);
  running = [];
  for (const node of ["a", "b"]) {
    kube.put(`/api/v1/nodes/${node}`, { metadata: { labels: { "kubernetes.io/hostname": node } } });
  }
  kube.put(`${API}/storagepools/default`, { spec: { path: "/pools/default" } });
  kube.put(`${API}/localvolumes/v`, { spec: localVolumeSpec("a") });
});
afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await Promise.allSettled(running);
});

/** Runs the loop of a leader on the lab's API server. */
async function lead(): Promise<void> {
  const client = new KubeClient(kube);
  const informed = { client, clock, random: seededRandom(1), log };
  const kinds = watchKinds(informed);
  const sources = {
    nodes: new Informer(informed, { resource: nodes }),
    claims: new Informer(informed, { resource: persistentVolumeClaims }),
    persistentVolumes: new Informer(informed, { resource: persistentVolumes, indexes: volumeIndexes }),
    pods: new Informer<Pod>(informed, { resource: pods, indexes: { ...podIndexes, ...keeperIndex("mooring") } }),
  };
  const informers = [...Object.values(sources), ...Object.values(kinds)];
  running.push(...informers.map((informer) => informer.run(stop.signal)));
  await Promise.all(informers.map((informer) => informer.synced(stop.signal)));
  const { localVolumes: volumes, moves, pools } = kinds;
  const recorder = { record };
  running.push(runDrainLoop({ ...informed, ...sources, volumes, moves, pools, asks, recorder }, stop.signal));
  await clock.advance(100);
}

function oldMove(name: string, finishedAt: number): void {
  kube.put(`${API}/volumemoves/${name}`, {
    spec: { volumes: [{ name: "w", mode: "Copy" }], from: "a", reason: "Drain" },
    status: { phase: "Cancelled", finishedAt: new Date(finishedAt).toISOString() },
  });
}

/** The node is cordoned, and the eviction of the volume's pod was asked for. */
function drain(): void {
  kube.put("/api/v1/nodes/a", {
    metadata: { labels: { "kubernetes.io/hostname": "a" } },
    spec: { unschedulable: true },
  });
  const volume = kube.at(`${API}/localvolumes/v`);
  kube.put(`${API}/localvolumes/v`, { ...volume, status: { asked: { at: new Date(clock.now()).toISOString() } } });
}

const moves = (): readonly VolumeMove[] => kube.list(`${API}/volumemoves`) as unknown as VolumeMove[];
const moved = (): readonly string[] => moves().flatMap(({ spec }) => spec.volumes.map(({ name }) => name));

test("a drain begins although old moves cannot be deleted", async () => {
  kube.intercept = ({ method, path }) => {
    if (method !== "DELETE" || !path.startsWith(`${API}/volumemoves/`)) return;
    throw new KubeError({ code: 403, reason: "Forbidden", message: "a policy forbids to delete VolumeMoves" });
  };
  oldMove("old", clock.now() - DAY_MS);
  drain();
  await lead();
  expect(moved()).toContain("v");
  const told = log.lines.filter(({ level, fields }) => level === "error" && fields["key"] === "old");
  expect(told).toHaveLength(1);

  kube.intercept = () => undefined;
  await clock.advance(60_000);
  expect(moved()).toEqual(["v"]);
});

test("a move of a drain is deleted a day after its end, without an event", async () => {
  oldMove("young", clock.now() - DAY_MS + 3_600_000);
  await lead();
  await clock.advance(3_590_000);
  expect(moved()).toEqual(["w"]);
  await clock.advance(20_000);
  expect(moved()).toEqual([]);
});

test("requests for a volume and for a keeper are forgotten with them", async () => {
  const keeper = "/api/v1/namespaces/mooring/pods/keeper-a";
  kube.put(keeper, {
    metadata: {
      namespace: "mooring",
      labels: { "mooring.dev/keeper": "true" },
      annotations: { "mooring.dev/asked": new Date(clock.now()).toISOString() },
    },
    spec: { nodeName: "a", containers: [{ name: "main", image: "i" }] },
  });
  drain();
  await lead();
  expect(asks.size).toBe(2);
  kube.remove(keeper);
  await clock.advance(100);
  expect(asks.size).toBe(1);
  kube.remove(`${API}/localvolumes/v`);
  await clock.advance(30_000);
  expect(asks.size).toBe(0);
});

test("a move that the server refuses is told on the node, and the other groups do not wait", async () => {
  kube.intercept = ({ body, method }) => {
    const { spec } = (body ?? {}) as VolumeMove;
    if (method !== "POST" || spec?.volumes[0]?.name !== "v") return;
    throw new KubeError({ code: 403, reason: "Forbidden", message: "a policy forbids VolumeMoves" });
  };
  drain();
  kube.put(`${API}/localvolumes/w`, kube.at(`${API}/localvolumes/v`) ?? {});
  await lead();
  expect(moved()).toEqual(["w"]);
  const told = record.mock.calls.map(([{ kind, name }, { message, reason }]) => `${kind} ${name} ${reason} ${message}`);
  // Told once more for each look; the recorder counts them in one event.
  expect([...new Set(told)]).toEqual([
    expect.stringMatching(/^Node a MoveNotMade No VolumeMove .* volume v, so a drain .* waits: a policy forbids/),
  ]);
  kube.intercept = () => undefined;
  await clock.advance(10_000);
  expect(moved().toSorted()).toEqual(["v", "w"]);
});
