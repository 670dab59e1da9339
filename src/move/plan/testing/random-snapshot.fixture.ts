import type { CopyReport, CopyState, VolumeCopy } from "../../../api/kinds/volume-copy.ts";
import type { LocalVolume } from "../../../api/kinds/local-volume.ts";
import { movePhase, type MovePhase, type VolumeMove } from "../../../api/kinds/volume-move.ts";
import type { Random } from "../../../effects/random.ts";
import type { Stored } from "../../../kube/objects.ts";
import type { EvictionOutcome, MoveSnapshot, NodeView, Part, PodView } from "../snapshot.ts";
import { timeOf } from "../timing.ts";

export const NOW = Date.UTC(2030, 0, 1);
const MINE = "move-1";
const AT_NOW = timeOf(NOW);
const COPYING_AT = timeOf(NOW - 3000);
const PARTS: readonly Part[] = ["move", "volumes", "copies", "pods", "nodes"];

/**
 * A random snapshot. Most parts are those of a successful move in its phase. Each part is sometimes
 * changed, so that a few thousand snapshots reach every branch of the plan many times.
 */
export function randomSnapshot(random: Random): MoveSnapshot {
  const chance = (p: number): boolean => random.float() < p;
  const pick = <T>(...from: readonly [T, ...T[]]): T => from[Math.floor(random.float() * from.length)] ?? from[0];
  const bad = pick(0, 0.02, 0.1, 0.3);
  const phase = chance(0.06) ? undefined : pick(movePhase.options[0], ...movePhase.options);
  const late = phase !== undefined && ["Fenced", "Sealed", "Committed", "Undoing"].includes(phase);
  const begun = late || phase === "Prepared" || phase === "Copying" || phase === "Done";
  const sealing = late ? pick(1, 2) : chance(0.1) ? 1 : undefined;
  const names = chance(0.5) ? ["v1"] : ["v1", "v2"];
  const ago = (...choices: readonly [number, ...number[]]): string => timeOf(NOW - pick(...choices));

  const report = (role: CopyReport["role"], state: CopyReport["state"]): CopyReport => ({
    moveUID: chance(bad) ? "another" : MINE,
    sealing: chance(bad) ? (sealing ?? 0) + pick(-1, 1) : (sealing ?? 0),
    role: chance(bad) ? pick("Source", "Target") : role,
    state: chance(bad)
      ? pick("Waiting", "Refused", "Sealed", "Unsealed", "Copying", "Precopied", "Copied", "Checked")
      : state,
    digest: chance(bad) ? "other" : "digest",
    bootID: chance(bad) ? "boot-old" : "boot",
    ...(role === "Target" && phase === "Copying" ? { copyingAt: COPYING_AT } : {}),
    ...(role === "Source" && chance(0.15) ? { tombstone: true } : {}),
    ...(role === "Source" && chance(0.7) ? { sealMs: pick(0, 200, 1500) } : {}),
    ...(chance(0.3) ? { message: "words", code: pick("TRANSFER_TARGET_FULL", "AGENT_X") } : {}),
    at: AT_NOW,
  });
  const copy = (name: string, node: string, epoch: number, state: CopyState, of: CopyReport): VolumeCopy => ({
    metadata: { name: `${name}.${node}` },
    spec: { volume: name, nodeName: node },
    status: {
      copies: chance(bad)
        ? []
        : [
            {
              epoch,
              directory: chance(bad) ? `${String(epoch)}-x` : String(epoch),
              state: chance(bad) ? pick("Active", "Sealing", "Sealed", "Trash") : state,
              incarnation: "i",
              poolUUID: "p",
              publishedTo: chance(0.5) ? ["pod"] : [],
            },
          ],
      ...(chance(bad) ? {} : { move: of }),
    },
  });
  const sourceState = (): CopyReport["state"] =>
    phase === "Fenced" || phase === "Sealed" || phase === "Committed"
      ? chance(0.7)
        ? "Sealed"
        : "Waiting"
      : phase === "Undoing"
        ? pick("Unsealed", "Sealed")
        : "Checked";
  const volume = (name: string): Stored<LocalVolume> | undefined => {
    if (chance(bad * 0.3)) return undefined;
    const placed = (phase === "Committed" && chance(0.5)) || phase === "Done";
    const held = begun && phase !== "Done" ? !chance(bad) : chance(0.3);
    const fenced = late && !placed ? !chance(Math.max(bad, phase === "Fenced" ? 0.2 : 0)) : chance(bad);
    return {
      metadata: {
        name,
        uid: `uid-${name}`,
        resourceVersion: "7",
        ...(chance(bad * 0.2) ? { deletionTimestamp: AT_NOW } : {}),
      },
      spec: {
        pool: "pool",
        capacity: "1000",
        nodeName: placed ? "b" : chance(bad * 0.3) ? "c" : "a",
        originHostname: "a",
        epoch: placed ? 4 : 3,
        incarnation: chance(bad * 0.3) ? "other" : "i",
        policies: { onDrain: "Move", onNodeLoss: "Wait", maxDowntime: "60s" },
        directory: { mode: "0777", uid: 0, gid: 0 },
        reclaim: chance(bad * 0.3),
        ...(chance(0.2) ? { mayCreate: { nodeName: placed ? "b" : "a", epoch: placed ? 4 : 3 } } : {}),
        ...(fenced ? { fence: MINE } : {}),
        ...(held
          ? { activeMove: { name: "m", uid: MINE } }
          : chance(0.2)
            ? { activeMove: { name: "n", uid: "x" } }
            : {}),
      },
      status: chance(0.5) ? { movedAt: ago(0, 60_000) } : {},
    };
  };
  const node = (name: string): NodeView => ({
    name,
    exists: !chance(bad),
    ready: !chance(bad),
    leaving: chance(name === "a" ? 0.5 : bad) ? "it is cordoned" : undefined,
    storage: chance(bad)
      ? undefined
      : {
          status: {
            bootID: "boot",
            renewedAt: ago(1000, ...(chance(bad) ? [100_000] : [2000])),
            pools: [
              {
                name: "pool",
                path: "/p",
                ready: !chance(bad),
                reason: "Ready",
                availableBytes: chance(bad) ? 10 : 1e6,
              },
            ],
          },
        },
    reserved: new Map(),
  });
  const apart = chance(0.1);
  const pods: PodView[] = (chance(0.4) ? [] : ["p1", "p2"].slice(0, pick(1, 2))).map((name, index) => ({
    namespace: "ns",
    name,
    uid: `uid-${name}`,
    nodeName: chance(0.2) ? undefined : chance(bad) ? "b" : "a",
    deletionTimestamp: chance(0.4) ? ago(1000) : undefined,
    deletionGracePeriodSeconds: 30,
    finished: chance(bad),
    volumes: apart
      ? names.slice(index).slice(0, 1)
      : chance(bad)
        ? [...names, "v9"]
        : chance(bad)
          ? names.slice(0, 1)
          : names,
    unmovable: chance(bad * 0.3) ? "no controller would make it again" : undefined,
  }));
  const other = (of: MovePhase): Stored<VolumeMove> => ({
    metadata: { name: pick("l", "n"), uid: "other", resourceVersion: "3" },
    spec: { volumes: ["w1", "w2"].map((name) => ({ name, mode: "Copy" })), from: "a", reason: "Drain" },
    status: { phase: of, target: "c" },
  });
  const undone = {
    type: "Cancelled",
    status: "True" as const,
    reason: "MOVE_DELETED",
    message: "VolumeMove m was deleted. Nothing.",
    lastTransitionTime: AT_NOW,
  };
  const outcome = (): EvictionOutcome => ({
    at: NOW - pick(1000, 8000),
    outcome: pick("allowed", "sent", "held", "failed"),
    message: "budget",
  });
  const to = chance(0.5) ? { to: chance(bad * 0.3) ? "a" : "b" } : {};
  const hasTarget = begun && !chance(bad * 0.3);
  const status: VolumeMove["status"] =
    phase === undefined
      ? undefined
      : {
          phase,
          message: "before",
          ...(hasTarget ? { target: "b" } : {}),
          ...(sealing === undefined ? {} : { sealing }),
          ...(begun || chance(0.2) ? { volumes: names.map((name) => ({ name, epoch: 3, incarnation: "i" })) } : {}),
          ...(late || phase === "Done"
            ? { pods: pods.map(({ namespace, name, uid }) => ({ namespace, name, uid })) }
            : {}),
          ...(late && chance(0.2) ? { pods: [{ namespace: "ns", name: "gone", uid: "gone" }] } : {}),
          ...(phase === "Copying" ? { copyingAt: chance(0.7) ? COPYING_AT : ago(1000, 100_000) } : {}),
          ...(chance(0.7) ? { evictedAt: ago(1000, 20_000, 40_000) } : {}),
          ...(chance(0.5) ? { sealedAt: ago(1000), closedAt: ago(1000, 1700) } : {}),
          ...(chance(0.3) ? { failures: pick(1, 2, 3) } : {}),
          ...(chance(0.2) ? { retryAt: timeOf(NOW + pick(-1000, 1000)) } : {}),
          ...(phase === "Undoing" ? { conditions: [undone] } : {}),
          ...(phase === "Done" ? { finishedAt: ago(1000, 1_000_000) } : {}),
        };
  const isAsked = !hasTarget && chance(0.1);
  const where = {
    target: hasTarget || (!isAsked && chance(0.8)) ? node("b") : undefined,
    choice: isAsked ? { asked: ["b", "c"], until: NOW + 1000 } : chance(0.8) ? { node: "b" } : { none: ["b: no room"] },
  };
  return {
    move: {
      metadata: {
        name: "m",
        uid: MINE,
        resourceVersion: "5",
        finalizers: chance(phase === undefined ? 0.5 : 0.9) ? ["mooring.dev/move"] : ["other"],
        ...(chance(0.08) ? { deletionTimestamp: AT_NOW } : {}),
      },
      spec: {
        volumes: [...names, ...(chance(bad * 0.1) ? ["v1"] : [])].map((name) => ({
          name,
          mode: chance(bad * 0.1) ? ("Rebuild" as const) : ("Copy" as const),
        })),
        from: "a",
        ...to,
        reason: pick("Request", "Drain"),
      },
      ...(status === undefined ? {} : { status }),
    },
    fresh: new Set(chance(0.6) ? PARTS : PARTS.filter(() => chance(0.5))),
    volumes: names.map((name) => ({
      name,
      volume: volume(name),
      sourceCopy: copy(name, "a", 3, late ? "Sealed" : "Active", report("Source", sourceState())),
      targetCopy: copy(
        name,
        "b",
        4,
        "Active",
        report("Target", chance(0.8) ? (phase === "Copying" ? "Precopied" : "Copied") : "Copying"),
      ),
      labelsPending: chance(0.1) ? "those of v1" : undefined,
    })),
    pods,
    source: node("a"),
    ...where,
    others: chance(0.3) ? [other(pick("Planned", "Sealed"))] : [],
    ties: [],
    apart: chance(bad)
      ? [
          {
            name: pick("u", "w"),
            nodeName: pick("b", "c"),
            leaving: chance(0.5),
            move: pick(undefined, "holds", "wants"),
          },
        ]
      : [],
    holders: new Map([["x", "n"]]),
    evictions: new Map(pods.flatMap(({ uid }) => (chance(0.5) ? [[uid, outcome()] as const] : []))),
    askedAt: chance(0.8) ? NOW - pick(1000, 60_000) : undefined,
    notedAt: chance(0.5) ? NOW - pick(1000, 60_000) : undefined,
  };
}
