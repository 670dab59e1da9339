import { beforeEach, describe, expect, test } from "vitest";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { SCOUT_LABEL } from "../../api/names.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { FakeInformer } from "./testing/fake-informer.fixture.ts";
import { lookAfterChanges, type WakeSources } from "./wake.ts";

const MOVES = 100;
type Status = NonNullable<VolumeMove["status"]>;

let kinds: Record<Exclude<keyof WakeSources, "moves">, FakeInformer<KubeObject>> & { moves: FakeInformer<VolumeMove> };
let looked: string[];

const nameOf = (index: number): string => `m-${String(index).padStart(3, "0")}`;
const blocked = (reason: string) => [
  { type: "Blocked", status: "True" as const, reason, message: "", lastTransitionTime: "2030-01-01T00:00:00Z" },
];
const IN_LINE: Status = { phase: "Planned", conditions: blocked("MOVE_IN_LINE") };
const NO_TARGET: Status = { phase: "Planned", conditions: blocked("MOVE_NO_TARGET") };

/** Move number n, of volume v-n, away from node a. */
function put(index: number, status: Status): void {
  kinds.moves.put(
    nameOf(index),
    { spec: { volumes: [{ name: `v-${String(index)}`, mode: "Copy" }], from: "a", reason: "Drain" }, status },
    { creationTimestamp: "2030-01-01T00:00:00Z" },
  );
}

/** The moves that are looked at because of what `act` does. */
function after(act: () => void): readonly string[] {
  looked = [];
  act();
  return [...new Set(looked)].toSorted();
}

// Two moves have the places, the others of the node wait in line.
beforeEach(() => {
  const kind = () => new FakeInformer<KubeObject>();
  kinds = {
    moves: new FakeInformer<VolumeMove>(),
    volumes: kind(),
    copies: kind(),
    storageNodes: kind(),
    nodes: kind(),
    pods: kind(),
    claims: kind(),
    persistentVolumes: kind(),
  };
  for (let index = 0; index < MOVES; index += 1) {
    put(index, index < 2 ? { phase: "Copying", target: "b" } : IN_LINE);
    const volume = `v-${String(index)}`;
    kinds.claims.put(`data-${String(index)}`, { spec: { volumeName: volume } }, { namespace: "ns" });
    kinds.persistentVolumes.put(volume, { spec: { csi: { driver: "mooring.dev", volumeHandle: volume } } });
  }
  for (const node of ["a", "b"]) {
    kinds.nodes.put(node, { spec: {} });
    kinds.storageNodes.put(node, { status: {} });
  }
  lookAfterChanges(kinds as unknown as WakeSources, (move) => looked.push(move));
});

const podOf = (index: number, phase: string, nodeName = "a"): void => {
  const claimName = `data-${String(index)}`;
  const spec = { nodeName, volumes: [{ name: "data", persistentVolumeClaim: { claimName } }] };
  kinds.pods.put(`pod-${String(index)}`, { spec, status: { phase } }, { namespace: "ns" });
};

describe("a hundred moves of one node", () => {
  test("a move that enters another phase wakes only itself", () => {
    expect(after(() => put(0, { phase: "Copying", target: "b", progress: "50 %" }))).toEqual([nameOf(0)]);
    expect(after(() => put(0, { phase: "Prepared", target: "b" }))).toEqual([nameOf(0)]);
    expect(after(() => put(50, { ...IN_LINE, message: "another" }))).toEqual([nameOf(50)]);
  });

  test("a place that is free wakes the first in line", () => {
    put(0, { phase: "Sealed", target: "b" });
    expect(after(() => put(0, { phase: "Committed", target: "b" }))).toEqual([0, 2, 3, 4, 5].map(nameOf));
    expect(after(() => put(0, { phase: "Done", target: "b" }))).toEqual([nameOf(0)]);
    expect(after(() => kinds.moves.remove(nameOf(1)))).toEqual([1, 2, 3, 4, 5].map(nameOf));
  });

  test("changes on their nodes wake the moves that have begun", () => {
    const begun = [nameOf(0), nameOf(1)];
    const other = (phase: string) => {
      kinds.pods.put("other", { spec: { nodeName: "a" }, status: { phase } }, { namespace: "ns" });
    };
    expect(after(() => other("Running"))).toEqual(begun);
    expect(after(() => kinds.storageNodes.put("a", { status: { renewedAt: "now" } }))).toEqual(begun);
    expect(after(() => kinds.nodes.put("b", { spec: {} }, { labels: { moved: "here" } }))).toEqual(begun);
    expect(after(() => kinds.nodes.put("a", { spec: {}, status: { ready: true } }))).toEqual(begun);
  });

  test("each is woken by its own objects", () => {
    expect(after(() => podOf(70, "Running"))).toEqual([0, 1, 70].map(nameOf));
    expect(after(() => kinds.volumes.put("v-70", { spec: {} }))).toEqual([nameOf(70)]);
    expect(after(() => kinds.copies.put("v-70.a", { spec: { volume: "v-70" } }))).toEqual([nameOf(70)]);
    const ofScout = { namespace: "mooring", labels: { [SCOUT_LABEL]: "uid" }, ownerReferences: [{ name: nameOf(70) }] };
    expect(after(() => kinds.pods.put("scout-1", { spec: {} }, ofScout))).toEqual([nameOf(70)]);
    expect(after(() => kinds.claims.put("scout-1", {}, ofScout))).toEqual([nameOf(70)]);
  });

  test("the end of a cordon wakes all", () => {
    kinds.nodes.put("a", { spec: { unschedulable: true } });
    expect(after(() => kinds.nodes.put("a", { spec: {} }))).toHaveLength(MOVES);
  });

  test("those that are blocked for another reason are woken when another move enters another phase", () => {
    put(90, NO_TARGET);
    put(91, { phase: "Prepared", target: "b", conditions: blocked("MOVE_EVICTION_HELD") });
    put(92, { phase: "Planned" });
    expect(after(() => put(0, { phase: "Prepared", target: "b" }))).toEqual([0, 90, 91].map(nameOf));
    expect(after(() => put(0, { phase: "Prepared", target: "b", message: "a word" }))).toEqual([nameOf(0)]);
    expect(after(() => kinds.storageNodes.put("b", { status: { renewedAt: "now" } }))).toContain(nameOf(90));
  });
});
