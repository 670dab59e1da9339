import { describe, expect, test } from "vitest";
import { MOVE_FINALIZER } from "../../../api/names.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import { whyCancel } from "./cancel.ts";
import { planPlanned } from "./planned.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");

interface Given {
  readonly reason?: "Drain" | "Request";
  /** The volumes of each pod. */
  readonly pods?: readonly (readonly string[])[];
  readonly reclaim?: boolean;
  readonly deletionTimestamp?: string;
}

/** A move of the volumes v1 and v2 that holds nothing. */
function snapshot({ deletionTimestamp, pods = [["v1", "v2"]], reason = "Drain", reclaim = false }: Given) {
  const metadata = deletionTimestamp === undefined ? {} : { deletionTimestamp };
  const volume = { metadata, spec: { nodeName: "a", epoch: 1, incarnation: "i", reclaim } };
  return {
    move: {
      metadata: { name: "m", uid: "m", finalizers: [MOVE_FINALIZER] },
      spec: { from: "a", reason, volumes: [{ name: "v1" }, { name: "v2" }] },
      status: { phase: "Planned" },
    },
    fresh: new Set(["move", "volumes", "pods", "nodes", "copies"]),
    volumes: ["v1", "v2"].map((name) => ({ name, volume })),
    apart: [],
    ties: [],
    pods: pods.map((volumes, index) => ({ name: `p${String(index)}`, namespace: "ns", volumes, finished: false })),
    source: {
      name: "a",
      exists: true,
      leaving: "it is cordoned",
      storage: { status: { renewedAt: "2030-01-01T00:00:00Z" } },
    },
    choice: { why: {} },
  } as unknown as MoveSnapshot;
}

describe("a move of a drain whose volumes are not one group any more is undone, so that the drain makes others", () => {
  test.each<[string, readonly (readonly string[])[]]>([
    ["the pod that joined them is gone", [["v1"], ["v2"]]],
    ["a pod joins another one", [["v1", "v2", "v3"]]],
  ])("%s", (_title, pods) => {
    expect(planPlanned(snapshot({ pods }), NOW)).toMatchObject({ status: { phase: "Undoing" } });
    // Nobody would make another one of a move that a person asked for.
    const asked = planPlanned(snapshot({ pods, reason: "Request" }), NOW);
    expect(asked).toMatchObject({ status: { phase: "Planned", conditions: [{ type: "Blocked" }] } });
  });
});

describe("a LocalVolume", () => {
  test("that is being deleted moves: its finalizer and its data stay", () => {
    expect(whyCancel(snapshot({ deletionTimestamp: "2030-01-01T00:00:00Z" }))).toBeUndefined();
  });
  test("that is being reclaimed does not", () => {
    expect(whyCancel(snapshot({ reclaim: true }))?.code).toBe("MOVE_VOLUME_UNWANTED");
  });
});
