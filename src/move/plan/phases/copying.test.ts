import { describe, expect, test } from "vitest";
import type { CopyReport } from "../../../api/kinds/volume-copy.ts";
import type { VolumeMoveStatus } from "../../../api/kinds/volume-move.ts";
import { seededRandom } from "../../../kube/testing/seeded-random.fixture.ts";
import { planCopying } from "./copying.ts";
import type { MoveSnapshot, PodView } from "../snapshot.ts";
import type { MoveStep } from "../step.ts";
import { NOW, randomSnapshot } from "../testing/random-snapshot.fixture.ts";
import { timeOf } from "../timing.ts";

/** A drawn snapshot in Copying in which all is well, with these reports of the target. */
function copying(reports: readonly (Partial<CopyReport> | undefined)[], bend: Bend = {}): MoveSnapshot {
  const drawn = sound(reports.length);
  const copyingAt = timeOf(NOW - (bend.sinceMs ?? 1000));
  const answers = { copyingAt };
  const { deletionTimestamp: _, ...metadata } = drawn.move.metadata;
  const status: VolumeMoveStatus = {
    phase: "Copying",
    message: "before",
    target: "b",
    volumes: drawn.volumes.map(({ name }) => ({ name, epoch: 3, incarnation: "i" })),
    copyingAt,
  };
  // A drain's move is called off where the source stays.
  const spec = { ...drawn.move.spec, reason: bend.stays === true ? ("Request" as const) : ("Drain" as const) };
  return {
    ...drawn,
    move: { ...drawn.move, metadata, spec, status },
    fresh: new Set(["move", "volumes", "copies", "pods", "nodes"]),
    source: { ...drawn.source, leaving: bend.stays === true ? undefined : "it is cordoned" },
    pods: bend.pods ?? [pod],
    notedAt: undefined,
    volumes: drawn.volumes.map((view, index) => {
      if (view.volume === undefined) throw new Error("no volume");
      const { fence: _fence, mayCreate: _may, ...rest } = view.volume.spec;
      const may = bend.unmade === true ? { mayCreate: { nodeName: "a", epoch: 3 } } : {};
      const policies = { ...rest.policies, maxDowntime: bend.maxDowntime?.[index] ?? "60s" };
      const volume = {
        ...view.volume,
        spec: {
          ...rest,
          ...may,
          policies,
          nodeName: "a",
          epoch: 3,
          incarnation: "i",
          reclaim: false,
          activeMove: MINE,
        },
      };
      const report = reports[index];
      const copyOf = (role: "Source" | "Target", move: Partial<CopyReport> | undefined) => ({
        metadata: { name: "c" },
        spec: { volume: view.name, nodeName: "a" },
        status:
          move === undefined
            ? {}
            : {
                move: {
                  moveUID: "move-1",
                  sealing: 0,
                  role,
                  state: "Copying" as const,
                  at: timeOf(NOW),
                  ...answers,
                  ...move,
                },
              },
      });
      const sourceCopy = copyOf("Source", bend.unchecked === true ? undefined : { state: "Checked" });
      return { ...view, volume, sourceCopy, targetCopy: copyOf("Target", report), labelsPending: undefined };
    }),
  };
}

interface Bend {
  readonly sinceMs?: number;
  readonly stays?: boolean;
  readonly unmade?: boolean;
  readonly unchecked?: boolean;
  readonly pods?: readonly PodView[];
  /** Of each volume. @default 60s */
  readonly maxDowntime?: readonly string[];
}

const MINE = { name: "m", uid: "move-1" };
const pod: PodView = {
  namespace: "ns",
  name: "p1",
  uid: "uid-p1",
  nodeName: "a",
  deletionTimestamp: undefined,
  deletionGracePeriodSeconds: 30,
  finished: false,
  volumes: ["v1"],
  unmovable: undefined,
};

/** The first drawn snapshot whose nodes are well. */
function sound(volumes: number): MoveSnapshot {
  for (let seed = 1; ; seed++) {
    const s = randomSnapshot(seededRandom(seed));
    const nodes = [s.source, s.target];
    const well = nodes.every(
      (node) =>
        node?.exists === true &&
        node.ready &&
        Date.parse(node.storage?.status?.renewedAt ?? "") > NOW - 10_000 &&
        node.storage?.status?.pools?.every(({ ready, availableBytes }) => ready && availableBytes === 1e6) === true,
    );
    if (!well || s.target?.leaving !== undefined || s.volumes.length !== volumes || s.move.spec.to === "a") continue;
    if (s.volumes.every(({ volume }) => volume !== undefined && volume.metadata.deletionTimestamp === undefined))
      return s;
  }
}

const phaseOf = (step: MoveStep): unknown => (step.step === "set-status" ? step.status.phase : step.step);
const MIB = 1024 ** 2;
const livePass = { number: 2, sent: 14 * MIB, read: 3 * MIB, toRead: 2048 * MIB, tookMs: 5000, finalMs: 7100 };
const conditionsOf = (step: MoveStep) => (step.step === "set-status" ? (step.status.conditions ?? []) : []);
const messageOf = (step: MoveStep): string => (step.step === "set-status" ? (step.status.message ?? "") : "");

describe("Copying", () => {
  test("goes on when every volume is there but for a little", () => {
    expect(phaseOf(planCopying(copying([{ state: "Precopied" }]), NOW))).toBe("Prepared");
    const two = { pods: [{ ...pod, volumes: ["v1", "v2"] }] };
    const half = copying([{ state: "Precopied" }, { state: "Copying" }], two);
    expect(phaseOf(planCopying(half, NOW))).toBe("Copying");
    expect(phaseOf(planCopying(copying([{ state: "Precopied" }, { state: "Precopied" }], two), NOW))).toBe("Prepared");
  });

  test("says how far it is, in words that a 429 repeats", () => {
    const report = { bytes: 300 * 1024 ** 2, toRead: 100 * 1024 ** 2, rate: 50 * 1024 ** 2 };
    const step = planCopying(copying([report]), NOW);
    expect(phaseOf(step)).toBe("Copying");
    expect(messageOf(step)).toBe(
      "Copying to node b while the pods run, 200.0 of 300.0 MiB, about 2 s left: v1. To cancel: kubectl uncordon a",
    );
  });

  test("says which pass it is, from the second one on", () => {
    const report = { bytes: 300 * MIB, toRead: 100 * MIB, rate: 50 * MIB, livePass };
    expect(messageOf(planCopying(copying([report]), NOW))).toContain(
      "while the pods run, pass 3, 200.0 of 300.0 MiB, about 2 s left: v1.",
    );
    const two = { pods: [{ ...pod, volumes: ["v1", "v2"] }] };
    const ahead = copying([report, { ...report, livePass: { ...livePass, number: 1 } }], two);
    expect(messageOf(planCopying(ahead, NOW))).toContain(", pass 2,");
    const begun = copying([report, { ...report, livePass: undefined }], two);
    expect(messageOf(planCopying(begun, NOW))).not.toContain(", pass");
  });

  test("reports at its end what the final pass will have to do", () => {
    const step = planCopying(copying([{ state: "Precopied", livePass }]), NOW);
    expect(messageOf(step)).toContain(
      "Ready to move to node b. The final pass will probably take about 8 s while the pods are down, with 2.0 GiB to read and 14.0 MiB to send.",
    );
    const older = { ...livePass, read: undefined, toRead: undefined };
    expect(messageOf(planCopying(copying([{ state: "Precopied", livePass: older }]), NOW))).toContain(
      "about 8 s while the pods are down, with 14.0 MiB to send.",
    );
    expect(conditionsOf(step)).toEqual([]);
  });

  test("warns when the pods will be down for longer than a volume allows, and goes on", () => {
    const late = { state: "Precopied", livePass: { ...livePass, finalMs: 60_001 } } as const;
    const step = planCopying(copying([late]), NOW);
    expect(phaseOf(step)).toBe("Prepared");
    expect(conditionsOf(step)).toMatchObject([
      {
        type: "LongDowntime",
        reason: "MOVE_LONG_DOWNTIME",
        message: expect.stringMatching(
          /^the pods will probably be down for 61 s, and maxDowntime of volume v1 is 60s: 2.0 GiB must be read and 14.0 MiB sent while/,
        ) as string,
      },
    ]);
    expect(conditionsOf(planCopying(copying([late], { maxDowntime: ["2m"] }), NOW))).toEqual([]);
    const two = { pods: [{ ...pod, volumes: ["v1", "v2"] }], maxDowntime: ["2m", "5s"] };
    const [second] = conditionsOf(planCopying(copying([late, { state: "Precopied", livePass }], two), NOW));
    expect(second?.message).toContain("be down for 8 s, and maxDowntime of volume v2 is 5s");
  });

  test("says nothing about the final pass if no pod runs, or if live passes have failed", () => {
    const late = { state: "Precopied", livePass: { ...livePass, finalMs: 60_001 } } as const;
    const idle = planCopying(copying([late], { pods: [] }), NOW);
    const two = { pods: [{ ...pod, volumes: ["v1", "v2"] }] };
    const failed = planCopying(copying([late, { state: "Refused", code: "PEER_REFUSED" }], two), NOW);
    for (const step of [idle, failed]) {
      expect(messageOf(step)).toMatch(/^Ready to move to node b\. To cancel/);
      expect(conditionsOf(step)).toEqual([]);
    }
  });

  test("goes on without a live copy when it fails, and when no agent makes one", () => {
    const failed = copying([{ state: "Refused", code: "PEER_REFUSED" }]);
    expect(phaseOf(planCopying(failed, NOW))).toBe("Prepared");
    expect(phaseOf(planCopying(copying([undefined]), NOW))).toBe("Copying");
    expect(phaseOf(planCopying(copying([undefined], { sinceMs: 61_000 }), NOW))).toBe("Prepared");
    expect(phaseOf(planCopying(copying([{ state: "Copying" }], { sinceMs: 61_000 }), NOW))).toBe("Copying");
  });

  test("does not count what a target has said before", () => {
    const full = { state: "Refused", code: "TRANSFER_TARGET_FULL", copyingAt: timeOf(NOW - 60_000) } as const;
    expect(phaseOf(planCopying(copying([full]), NOW))).toBe("Copying");
    expect(phaseOf(planCopying(copying([{ state: "Precopied", sealing: 1 }]), NOW))).toBe("Copying");
    expect(phaseOf(planCopying(copying([{ state: "Precopied", moveUID: "x" }]), NOW))).toBe("Copying");
  });

  test.each([
    ["is full", "TRANSFER_TARGET_FULL"],
    ["has a disk that failed", "TRANSFER_TARGET_FAILED"],
    ["cannot hold the data", "TRANSFER_TARGET_CANNOT_HOLD"],
    ["has a later copy already", "AGENT_DISK_AHEAD"],
    ["has another volume of that name", "AGENT_WRONG_INCARNATION"],
    ["meets an error that it cannot get over", "AGENT_MOVE_FAILED"],
  ])("gives a target up that %s, while the pods still run", (_, code) => {
    const full = { state: "Refused", code, message: "no" } as const;
    const step = planCopying(copying([full]), NOW);
    expect(step).toMatchObject({ status: { phase: "Planned", failedTargets: [{ node: "b", failures: 1 }] } });
    expect(step.step === "set-status" && step.status.target).toBeUndefined();
    expect(phaseOf(planCopying(copying([full], { stays: true }), NOW))).toBe("Undoing");
  });

  test.each([
    "PEER_NOT_REACHED",
    "PEER_NO_ANSWER",
    "TRANSFER_WIRE_BROKEN",
    "TRANSFER_WIRE_VERSION",
    "TRANSFER_TARGET_BUSY",
  ])("gives a target up that cannot talk with the source (%s), and fences nobody", (code) => {
    const cut = { state: "Refused", code, message: "no way" } as const;
    for (const stays of [false, true]) {
      const step = planCopying(copying([cut], { stays }), NOW);
      expect(step).toMatchObject({ status: { phase: "Planned", failedTargets: [{ node: "b", failures: 1 }] } });
      expect(step.step === "set-status" && step.status.target).toBeUndefined();
    }
  });

  test("does not wait where nobody runs, and for nothing that was never made", () => {
    expect(phaseOf(planCopying(copying([undefined], { pods: [] }), NOW))).toBe("Prepared");
    expect(phaseOf(planCopying(copying([undefined], { unmade: true }), NOW))).toBe("Prepared");
  });

  test("waits until the source has checked the volume", () => {
    const step = planCopying(copying([{ state: "Precopied" }], { unchecked: true }), NOW);
    expect(messageOf(step)).toMatch(/^Waiting until the agent of node a has checked v1/);
  });
});
