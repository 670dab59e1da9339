import { beforeEach, expect, test } from "vitest";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { IndexedStore } from "../../kube/watch/store.ts";
import { virtualClock } from "../../lab/index.ts";
import { moveErrors } from "../errors.ts";
import { Answers } from "./answers.ts";
import { scoutClaim, scoutPod } from "./pod.ts";
import { scoutIndex, type Ask } from "./scout.ts";

const move = { metadata: { name: "m", uid: "move", resourceVersion: "1" } } as Stored<VolumeMove>;
const settings = { namespace: "mooring", image: "mooring:1" };

let clock: ReturnType<typeof virtualClock>;
let pods: IndexedStore<Stored<Pod>>;
let claims: IndexedStore<Stored<PersistentVolumeClaim>>;
let answers: Answers;

beforeEach(() => {
  clock = virtualClock();
  const fails = (_index: string, _key: string, error: unknown): void => {
    throw error;
  };
  pods = new IndexedStore<Stored<Pod>>(scoutIndex("mooring"), fails);
  claims = new IndexedStore<Stored<PersistentVolumeClaim>>(scoutIndex("mooring"), fails);
  answers = new Answers({ clock, namespace: "mooring", pods: { store: pods }, claims: { store: claims } });
});

const ask = (spec: object = {}, ...nodes: string[]): Ask => ({
  move,
  pods: [{ metadata: { name: "p", uid: "p", resourceVersion: "1" }, spec: { containers: [], ...spec } }] as never,
  nodes: nodes.length === 0 ? ["b", "c"] : nodes,
});

/** A scout of the question, as the scheduler has left it. */
function made(of: Ask, { node, words }: { node?: string; words?: string } = {}): void {
  const shape = { name: "scout-1", reach: { only: of.nodes }, open: false };
  const pod = scoutPod(of, shape, settings);
  const claim = scoutClaim(of, shape, settings);
  const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: words }];
  const stored = { uid: "u", resourceVersion: "1", creationTimestamp: new Date(clock.now()).toISOString() };
  pods.set("mooring/scout-1", {
    ...pod,
    metadata: { ...pod.metadata, ...stored },
    status: words === undefined ? {} : { conditions },
  } as Stored<Pod>);
  const annotations = node === undefined ? {} : { "volume.kubernetes.io/selected-node": node };
  claims.set("mooring/scout-1", {
    ...claim,
    metadata: { ...claim.metadata, ...stored, annotations },
  } as Stored<PersistentVolumeClaim>);
}

test("the answer is the node on the scout's claim", () => {
  made(ask(), { node: "c" });
  expect(answers.to(ask())).toEqual({ kind: "node", node: "c" });
});

test("a node that does not fit any more is no answer", () => {
  made(ask(), { node: "c" });
  expect(answers.to(ask({}, "b"))).toMatchObject({ kind: "refused", words: expect.stringContaining("c") as string });
});

test("a refusal is told in the scheduler's words", () => {
  made(ask(), { words: "0/3 nodes are available: 2 Insufficient cpu." });
  expect(answers.to(ask())).toEqual({ kind: "refused", words: "0/3 nodes are available: 2 Insufficient cpu." });
});

test("a node that was found after a refusal counts", () => {
  made(ask(), { words: "0/3 nodes are available: 2 Insufficient cpu.", node: "b" });
  expect(answers.to(ask())).toEqual({ kind: "node", node: "b" });
});

test("words about the scout's own claim are no refusal", () => {
  made(ask(), { words: 'persistentvolumeclaim "scout-1" not found' });
  expect(answers.to(ask())).toMatchObject({ kind: "waits" });
});

test("a want of room does not bind pods that may take the place of others", () => {
  const spec = { priority: 1000, preemptionPolicy: "PreemptLowerPriority" };
  made(ask(), { words: "0/3 nodes are available: 2 Insufficient cpu." });
  expect(answers.to(ask(spec))).toMatchObject({ kind: "unheard", why: { code: "MOVE_SCOUT_OUTRANKED" } });
  expect(answers.to(ask({ ...spec, preemptionPolicy: "Never" }))).toMatchObject({ kind: "refused" });
  made(ask(), { words: "0/3 nodes are available: 2 node(s) didn't match pod anti-affinity rules." });
  expect(answers.to(ask(spec))).toMatchObject({ kind: "refused" });
});

test("a scheduler that says nothing for 20 seconds is not waited for", async () => {
  const spec = { schedulerName: "mine" };
  expect(answers.to(ask(spec))).toEqual({ kind: "waits", until: clock.now() + 20_000 });
  made(ask(spec));
  await clock.run(19_000);
  expect(answers.to(ask(spec))).toMatchObject({ kind: "waits" });
  await clock.run(2_000);
  const unheard = answers.to(ask(spec));
  expect(unheard).toMatchObject({ kind: "unheard", why: { code: "MOVE_SCOUT_UNANSWERED" } });
  expect("why" in unheard && unheard.why.message).toMatch(/the scheduler mine has not answered/);
});

test("an API server that refuses scouts is asked again after five minutes", async () => {
  answers.refused("move", moveErrors.SCOUT_REFUSED({ why: "exceeded quota" }));
  expect(answers.to(ask())).toMatchObject({
    kind: "unheard",
    why: { message: expect.stringMatching(/quota/) as string },
  });
  await clock.run(301_000);
  expect(answers.to(ask())).toMatchObject({ kind: "waits" });
});
