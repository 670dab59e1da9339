import { describe, expect, it } from "vitest";
import {
  decideEviction,
  type EvictionSnapshot,
  type KeeperFacts,
  type NodeFacts,
  type PodFacts,
  type PodVolumeFacts,
} from "./decide.ts";

const NOW = Date.UTC(2030, 0, 1);
const cordoned: NodeFacts = { name: "a", leaving: "cordon", released: false };
const staying: NodeFacts = { name: "a", released: false };
const released: NodeFacts = { name: "a", leaving: "cordon", released: true };
const unreadable = { unreadable: "the API server did not answer" };

const volume = (changes: Partial<PodVolumeFacts> = {}): PodVolumeFacts => ({
  name: "v",
  version: { uid: "u", resourceVersion: "7", epoch: 1 },
  nodeName: "a",
  node: cordoned,
  fenced: false,
  ...changes,
});
const fenced = volume({ fenced: true, move: { name: "m", phase: "Fenced", from: "a" } });
/** It is on node b by now, but the cache of the moves has not heard of the commit. */
const movedUnheard = volume({
  name: "w",
  nodeName: "b",
  node: { ...staying, name: "b" },
  movedAtMs: NOW,
  move: { name: "m", phase: "Sealed", from: "a" },
});
const moved = (agoMs: number, changes: Partial<PodVolumeFacts> = {}): PodVolumeFacts =>
  volume({ node: staying, movedAtMs: NOW - agoMs, ...changes });

/** An eviction of a pod with these volumes, on node a, which is cordoned. */
const evict = (
  volumes: PodFacts["volumes"],
  request: Partial<EvictionSnapshot> = {},
  node: NodeFacts | null = cordoned,
): EvictionSnapshot => ({
  byController: false,
  dryRun: false,
  hasUidPrecondition: false,
  target: { kind: "pod", pod: { namespace: "x", name: "p", node: node ?? undefined, volumes } },
  now: NOW,
  ...request,
});
const evictKeeper = (keeper: Partial<KeeperFacts>, request: Partial<EvictionSnapshot> = {}): EvictionSnapshot => ({
  ...evict([], request),
  target: {
    kind: "keeper",
    keeper: { namespace: "storage", name: "keeper-a", node: cordoned, toMove: [volume()], ...keeper },
  },
});

const controller = { byController: true };
const dryRun = { dryRun: true };
const withUid = { hasUidPrecondition: true };

describe("each step, and that it comes before the next", () => {
  it.each<[claim: string, snapshot: EvictionSnapshot, answer: string]>([
    ["1 our controller passes, whatever cannot be read", evict(unreadable, controller), "pass"],
    ["1 our controller passes while a move holds the volume", evict([fenced], controller), "pass"],
    ["2 a pod without a volume of ours passes", evict([]), "pass"],
    ["2 a pod that is not there passes: the API server says so", { ...evict([]), target: undefined }, "pass"],
    ["2 claims that cannot be read hold", evict(unreadable), "hold"],
    ["2 claims that cannot be read hold a dry run too", evict(unreadable, dryRun), "hold"],
    ["3 a dry run passes", evict([volume()], dryRun), "pass"],
    ["3 a dry run passes while a move holds the volume", evict([fenced], dryRun), "pass"],
    ["3 a dry run passes after a move", evict([moved(0)], dryRun, staying), "pass"],
    ["3 a dry run passes when the node cannot be read", evict([volume({ node: unreadable })], dryRun), "pass"],
    ["4 a released node passes", evict([volume({ node: released })]), "pass"],
    ["4 a released node passes while a move holds the volume", evict([{ ...fenced, node: released }]), "pass"],
    ["4 a released node passes after a move", evict([moved(0, { node: released })], {}, staying), "pass"],
    ["4 the volume's node counts, not the pod's", evict([volume()], {}, released), "hold"],
    ["4 each volume's node counts", evict([volume({ node: released }), volume({ name: "w" })]), "hold"],
    ["5 a fenced volume holds", evict([fenced]), "hold"],
    ["5 a fenced volume holds a pod on a staying node", evict([{ ...fenced, node: staying }], {}, staying), "hold"],
    ["5 a fenced volume holds a pod without a node", evict([{ ...fenced, node: staying }], {}, null), "hold"],
    ["5 a fenced volume holds whatever its policy", evict([{ ...fenced, stays: "it stays" }]), "hold"],
    [
      "5 a fenced volume holds right after another move, where the pod would be gone",
      evict([{ ...moved(0), fenced: true }], {}, staying),
      "hold",
    ],
    ["6 a pod of a volume that has just moved is gone", evict([moved(59_999)], {}, staying), "gone"],
    ["6 it is gone where the new pod has no node yet", evict([moved(59_999)], {}, null), "gone"],
    ["6 a minute later it is not", evict([moved(60_000)], {}, staying), "pass"],
    ["6 with a UID the pod is meant", evict([moved(0)], withUid, staying), "pass"],
    ["6 on a leaving node the pod is meant", evict([moved(0, { node: cordoned })]), "hold"],
    ["6 it is gone although the node cannot be read", evict([moved(0, { node: unreadable })], {}, staying), "gone"],
    ["7 a volume on a staying node passes", evict([volume({ node: staying })], {}, staying), "pass"],
    ["7 the volume's node counts, not the pod's", evict([volume({ node: staying })]), "pass"],
    ["7 a volume whose node is no more passes", evict([volume({ node: undefined })]), "pass"],
    ["7 a node that cannot be read holds", evict([volume({ node: unreadable })]), "hold"],
    ["7 a volume that is not to move passes", evict([volume({ stays: "it stays" })]), "pass"],
    ["7 one that is to move holds beside one that is not", evict([volume({ stays: "no" }), volume()]), "hold"],
    ["8 a volume that is to move holds", evict([volume()]), "hold"],
    ["8 a volume holds on a node that an autoscaler has tainted", evict([volume({ node: tainted() })]), "hold"],
    ["8 a UID makes no difference", evict([volume()], withUid), "hold"],
  ])("%s", (_claim, snapshot, answer) => {
    expect(decideEviction(snapshot).answer).toBe(answer);
  });
});

describe("step 5", () => {
  it.each([
    ["Planned", "pass"],
    ["Copying", "pass"],
    ["Prepared", "pass"],
    ["Fenced", "hold"],
    ["Sealed", "hold"],
    ["Committed", "pass"],
    ["Done", "pass"],
    ["Cancelled", "pass"],
  ] as const)("a move in %s without a fence: %s", (phase, answer) => {
    const snapshot = evict([volume({ node: staying, move: { name: "m", phase, from: "a" } })], {}, staying);
    expect(decideEviction(snapshot).answer).toBe(answer);
  });

  it.each(["Committed", "Undoing"] as const)("holds until the fence is off, also in %s", (phase) => {
    const snapshot = evict(
      [volume({ node: staying, fenced: true, move: { name: "m", phase, from: "a" } })],
      {},
      staying,
    );
    expect(decideEviction(snapshot).answer).toBe("hold");
  });
});

describe("a keeper", () => {
  it.each<[claim: string, snapshot: EvictionSnapshot, answer: string]>([
    ["passes for our controller", evictKeeper({}, controller), "pass"],
    ["is held while a volume of its node is to move", evictKeeper({}), "hold"],
    ["is held while a volume changes over", evictKeeper({ toMove: [fenced] }), "hold"],
    [
      "is held while a volume arrives, whatever it does where it comes from",
      evictKeeper({ toMove: [{ ...fenced, arrives: true }] }),
      "hold",
    ],
    ["passes when nothing is to move any more", evictKeeper({ toMove: [] }), "pass"],
    ["passes in a dry run", evictKeeper({}, dryRun), "pass"],
    ["passes on a released node, whatever cannot be read", evictKeeper({ node: released, toMove: unreadable }), "pass"],
    ["passes on a staying node", evictKeeper({ node: staying }), "pass"],
    ["passes where the node is no more", evictKeeper({ node: undefined }), "pass"],
    ["is held when its node cannot be read", evictKeeper({ node: unreadable }), "hold"],
    ["is held when the volumes cannot be read", evictKeeper({ toMove: unreadable }), "hold"],
  ])("%s", (_claim, snapshot, answer) => {
    expect(decideEviction(snapshot).answer).toBe(answer);
  });

  it("is recorded by itself, not by the volumes of its node", () => {
    expect(decideEviction(evictKeeper({}, { gracePeriodSeconds: 1 }))).toMatchObject({
      record: { volumes: [], keeper: { namespace: "storage", name: "keeper-a" }, gracePeriodSeconds: 1 },
    });
  });
});

describe("the record of an ask", () => {
  const namesOf = (snapshot: EvictionSnapshot): readonly string[] => {
    const decision = decideEviction(snapshot);
    return decision.answer === "hold" ? decision.record.volumes.map(({ name }) => name) : [];
  };
  const placed = volume({ name: "w", nodeName: "b", node: { ...staying, name: "b" }, movedAtMs: NOW });

  it("names the volumes as they were read, and the grace period that was asked for", () => {
    const version = { uid: "w", resourceVersion: "8", epoch: 3 };
    expect(decideEviction(evict([volume(), volume({ name: "w", version })], { gracePeriodSeconds: 0 }))).toMatchObject({
      record: {
        volumes: [
          { name: "v", uid: "u", resourceVersion: "7", epoch: 1 },
          { name: "w", ...version },
        ],
        gracePeriodSeconds: 0,
      },
    });
  });

  it.each<[claim: string, volumes: readonly PodVolumeFacts[], names: readonly string[]]>([
    ["every volume that is to move", [volume(), volume({ name: "w" })], ["v", "w"]],
    ["none that stays", [volume(), volume({ name: "w", stays: "it stays" })], ["v"]],
    ["none of a node that stays", [volume(), volume({ name: "w", nodeName: "b", node: staying })], ["v"]],
    ["none of a released node", [volume({ name: "w", nodeName: "b", node: released }), volume()], ["v"]],
    ["one that changes over: its group may fall back to waiting for a request", [fenced], ["v"]],
    ["every volume of its node, while one changes over", [fenced, volume({ name: "w" })], ["v", "w"]],
    ["none that has its new node already, while another one changes over", [fenced, placed], ["v"]],
    [
      "none that has its new node already, whose drain nobody has begun",
      [{ ...placed, node: { ...cordoned, name: "b" } }, fenced],
      ["v"],
    ],
    [
      "none that has its new node, where the cache has the move before the commit",
      [movedUnheard, { ...fenced, move: { name: "m", phase: "Sealed", from: "a" } }],
      ["v"],
    ],
    ["no volume where all have their new node, and the cache has the move before the commit", [movedUnheard], []],
    [
      "none that has its new node, whose drain nobody has begun, where the cache has the move before the commit",
      [{ ...movedUnheard, node: { ...cordoned, name: "b" } }],
      [],
    ],
    ["one that is fenced by a move that the cache does not have", [volume({ fenced: true })], ["v"]],
  ])("names %s", (_claim, volumes, names) => {
    expect(namesOf(evict(volumes))).toEqual(names);
  });

  it("names no volume where the claims cannot be read", () => {
    expect(decideEviction(evict(unreadable))).toMatchObject({ record: { volumes: [] } });
  });

  it("is not made by a dry run", () => {
    expect(decideEviction(evict([volume()], dryRun))).not.toHaveProperty("record");
  });
});

const textOf = (snapshot: EvictionSnapshot): string => {
  const decision = decideEviction(snapshot);
  return decision.answer === "pass" ? (decision.warning ?? "") : decision.message;
};
const RELEASE = "kubectl annotate node a mooring.dev/release=true";

describe("the text of a hold", () => {
  it("says what, why, how long, and both commands that end it", () => {
    const progress = "4.2 of 10 GiB copied to node b, about 14 s left";
    expect(textOf(evict([volume({ progress })]))).toBe(
      "Eviction triggered evacuation: volume v on node a must leave with its data first; " +
        "4.2 of 10 GiB copied to node b, about 14 s left. To cancel the move: kubectl uncordon a. " +
        `To end every hold on this node, even if its data is not copied: ${RELEASE}`,
    );
  });

  it("says so when nothing has begun", () => {
    expect(textOf(evict([volume()]))).toContain("; its move has not begun yet (an event of node ");
  });

  it("does not advise kubectl uncordon where it does not help", () => {
    expect(textOf(evict([volume({ node: tainted() })]))).not.toContain("uncordon");
    expect(textOf(evict([fenced]))).not.toContain("uncordon");
    expect(textOf(evictKeeper({ toMove: [fenced] }))).not.toContain("uncordon");
    expect(textOf(evictKeeper({ toMove: [fenced, volume()] }))).toContain("uncordon");
  });

  it("names the release in every hold on a node", () => {
    for (const snapshot of [evict([volume()]), evict([fenced]), evictKeeper({}), evictKeeper({ toMove: [fenced] })]) {
      expect(textOf(snapshot)).toContain(RELEASE);
    }
  });

  it("counts the volumes that wait", () => {
    const three = ["v", "w", "x"].map((name) => volume({ name }));
    expect(textOf(evictKeeper({ toMove: three }))).toContain("volume v and 2 more on node a");
  });

  it("does not promise the data of a volume that is rebuilt", () => {
    expect(textOf(evict([volume({ mode: "Rebuild" })]))).toContain("must be rebuilt on another node first");
  });

  it("says that a volume is about to arrive, and does not advise to uncordon for that", () => {
    const text = textOf(evictKeeper({ toMove: [volume({ arrives: true, progress: "Copying to node a" })] }));
    expect(text).toContain("volume v that is moving to node a must leave with its data first; Copying to node a.");
    expect(text).not.toContain("uncordon");
  });

  it("names the move that is in progress", () => {
    expect(textOf(evict([fenced]))).toContain("volume v is being moved from node a (VolumeMove m)");
  });

  it("names the node that the move began on, also for a volume that is not there any more", () => {
    for (const pod of [evict([movedUnheard]), evict([movedUnheard, fenced]), evict([movedUnheard], {}, staying)]) {
      expect(textOf(pod)).toContain("volume w is being moved from node a (VolumeMove m)");
    }
  });

  it("says what could not be read, and that trying again helps", () => {
    expect(textOf(evict(unreadable))).toBe(
      "Mooring cannot find out now whether the eviction is safe for the pod's data: the API server did not answer. The next try checks again.",
    );
  });
});

describe("a warning", () => {
  /** An API server may cut a longer one. */
  const LONGEST_WARNING = 256;

  it("says why a volume is not moved", () => {
    const stays = "node a keeps its volumes (mooring.dev/drain=stay)";
    expect(textOf(evict([volume({ stays })]))).toBe(`Mooring does not hold this eviction: ${stays}`);
  });

  it("of a dry run says what a real eviction would meet", () => {
    expect(textOf(evict([volume()], dryRun))).toBe(
      "Mooring would hold this eviction: volume v on node a must leave with its data first",
    );
    expect(textOf(evict([volume({ node: staying })], dryRun))).toBe("Mooring would let this eviction pass");
    expect(textOf(evict([moved(0)], dryRun, staying))).toContain("Mooring would answer that this pod is gone");
  });

  it("fits into what an API server shows", () => {
    const name = `pvc-${"0".repeat(36)}`;
    const nodeName = "n".repeat(63);
    for (const snapshot of [
      evict([volume({ name, nodeName })], dryRun),
      evict([{ ...fenced, name, nodeName }], dryRun),
    ]) {
      expect(textOf(snapshot).length).toBeLessThan(LONGEST_WARNING);
    }
  });
});

function tainted(): NodeFacts {
  return { name: "a", leaving: "taint", released: false };
}
