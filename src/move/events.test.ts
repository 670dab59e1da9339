import { expect, test } from "vitest";
import type { VolumeMove, VolumeMoveStatus } from "../api/kinds/volume-move.ts";
import type { Stored } from "../kube/objects.ts";
import { eventsOf, type Concerned } from "./events.ts";

const concerned: Concerned = {
  pods: [{ namespace: "ns", name: "p", uid: "p-uid" }],
  claims: [{ namespace: "ns", name: "c", uid: "c-uid" }],
  node: { metadata: { name: "a", uid: "a-uid", resourceVersion: "1" } },
};
const blocked = (reason: string): VolumeMoveStatus => ({
  phase: "Prepared",
  message: "Waiting.",
  conditions: [{ type: "Blocked", status: "True", reason, message: "why", lastTransitionTime: "2030-01-01T00:00:00Z" }],
});
const move = (status: VolumeMoveStatus): Stored<VolumeMove> => ({
  metadata: { name: "m", uid: "m-uid", resourceVersion: "1" },
  spec: { volumes: [{ name: "v", mode: "Copy" }], from: "a", reason: "Drain" },
  status,
});
const told = (from: VolumeMoveStatus, to: VolumeMoveStatus) =>
  eventsOf(move(from), to, concerned).map(({ about, event }) => `${about.kind} ${event.reason}`);

test("what holds a move up is told to its pods, its claims and its node", () => {
  expect(told({ phase: "Prepared" }, blocked("MOVE_EVICTION_HELD"))).toEqual([
    "VolumeMove MoveWaits",
    "Pod MoveWaits",
    "PersistentVolumeClaim MoveWaits",
    "Node MoveWaits",
  ]);
});
test("it is told once, and again when it is something else", () => {
  expect(told(blocked("MOVE_EVICTION_HELD"), { ...blocked("MOVE_EVICTION_HELD"), message: "Waiting still." })).toEqual(
    [],
  );
  expect(told(blocked("MOVE_EVICTION_HELD"), blocked("MOVE_NOT_ASKED"))).toContain("Pod MoveWaits");
});
test("a pod hears that it will be evicted, a claim that it has moved", () => {
  expect(told({ phase: "Prepared" }, { phase: "Fenced" })).toContain("Pod MoveFenced");
  expect(told({ phase: "Sealed" }, { phase: "Committed" })).toContain("PersistentVolumeClaim MoveCommitted");
});
test("an event about another object names the move", () => {
  const [, pod] = eventsOf(move({ phase: "Prepared" }), { phase: "Fenced", message: "Closing." }, concerned);
  expect(pod).toMatchObject({ about: { name: "p", uid: "p-uid" }, event: { message: "VolumeMove m: Closing." } });
});
