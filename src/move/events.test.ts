import { expect, test } from "vitest";
import type { VolumeMove, VolumeMoveStatus } from "../api/kinds/volume-move.ts";
import type { Stored } from "../kube/objects.ts";
import { eventsOf, livePassEnded, type Concerned } from "./events.ts";

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
const long: VolumeMoveStatus = {
  phase: "Prepared",
  conditions: [
    {
      type: "LongDowntime",
      status: "True",
      reason: "MOVE_LONG_DOWNTIME",
      message: "95 s",
      lastTransitionTime: "2030-01-01T00:00:00Z",
    },
  ],
};
test("a long downtime is reported once, also on the claims", () => {
  expect(told({ phase: "Copying" }, long)).toEqual([
    "VolumeMove MovePrepared",
    "VolumeMove LongDowntime",
    "PersistentVolumeClaim LongDowntime",
  ]);
  expect(told(long, { ...long, message: "Waiting." })).toEqual([]);
  expect(told(long, { ...long, phase: "Fenced" })).not.toContain("VolumeMove LongDowntime");
  const [, event] = eventsOf(move({ phase: "Copying" }), long, concerned);
  expect(event).toMatchObject({ event: { type: "Warning", message: "95 s" } });
});
test("a live pass that has ended is reported with what it has done and what remains", () => {
  const MIB = 1024 ** 2;
  const passes = { ended: 2, read: 310 * MIB, sent: 14 * MIB, toRead: 3072 * MIB, finalMs: 7100 };
  expect(livePassEnded(move({ phase: "Copying" }), passes)).toMatchObject({
    about: { kind: "VolumeMove", name: "m" },
    event: {
      type: "Normal",
      reason: "LivePassEnded",
      message:
        "Live pass 2 has ended: 310.0 MiB read, 14.0 MiB sent. The final pass would take about 8 s while the pods are down, with 3.0 GiB to read and 14.0 MiB to send.",
    },
  });
});
test("a pod hears that it will be evicted, a claim that it has moved", () => {
  expect(told({ phase: "Prepared" }, { phase: "Fenced" })).toContain("Pod MoveFenced");
  expect(told({ phase: "Sealed" }, { phase: "Committed" })).toContain("PersistentVolumeClaim MoveCommitted");
});
test("an event about another object names the move", () => {
  const [, pod] = eventsOf(move({ phase: "Prepared" }), { phase: "Fenced", message: "Closing." }, concerned);
  expect(pod).toMatchObject({ about: { name: "p", uid: "p-uid" }, event: { message: "VolumeMove m: Closing." } });
});
