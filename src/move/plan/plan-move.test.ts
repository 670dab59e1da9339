import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { NEXT_PHASES, type MovePhase } from "../../api/kinds/volume-move.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { planMove } from "./plan-move.ts";
import type { MoveSnapshot, Part } from "./snapshot.ts";
import type { MoveStep } from "./step.ts";
import { NOW, randomSnapshot } from "./testing/random-snapshot.fixture.ts";

/** What the head of plan-move.ts says, and what the plan does over many snapshots. */
const HEAD = readFileSync(new URL("plan-move.ts", import.meta.url), "utf8").split("*/")[0] ?? "";
/** The first 3,400 meet every row of the tables, and each reason to wait. */
const DRAWS = 20_000;

interface Taken {
  readonly s: MoveSnapshot;
  readonly step: MoveStep;
  readonly phase: string;
}

const taken: readonly Taken[] = (() => {
  const random = seededRandom(1);
  return Array.from({ length: DRAWS }, () => {
    const s = randomSnapshot(random);
    return { s, step: planMove(s, NOW), phase: s.move.status?.phase ?? "new" };
  });
})();

/** The rows of the table whose heading has these columns. */
function table(...heading: readonly string[]): readonly (readonly string[])[] {
  const lines = HEAD.split("\n").map((line) =>
    line.startsWith(" * |")
      ? line
          .slice(4)
          .split("|")
          .slice(0, -1)
          .map((cell) => cell.trim())
      : undefined,
  );
  const start = lines.findIndex(
    (cells) => cells !== undefined && heading.every((name, index) => cells[index] === name),
  );
  const rows: (readonly string[])[] = [];
  for (const cells of lines.slice(start + 2)) {
    if (cells === undefined) break;
    rows.push(cells);
  }
  return rows;
}

function entered({ step, phase }: Taken): string | undefined {
  const next = step.step === "set-status" ? step.status.phase : undefined;
  return next === undefined || next === phase ? undefined : next;
}

const nameOfStep = (step: MoveStep): string => (step.step === "change-volume" ? step.change : step.step);

describe("phases of a move", () => {
  const rows = table("phase", "next", "when").map(([from = "", to = ""]) => `${from} → ${to}`);

  test("a phase leads where the table says, and nowhere else", () => {
    const seen = new Set(
      taken.flatMap((one) => (entered(one) === undefined ? [] : [`${one.phase} → ${entered(one) ?? ""}`])),
    );
    expect([...seen].toSorted()).toEqual([...rows].toSorted());
  });

  test("the API server allows what the table says", () => {
    for (const row of rows) {
      const [from = "", to = ""] = row.split(" → ");
      if (from !== "new") expect(NEXT_PHASES[from as MovePhase], row).toContain(to);
    }
  });

  test("a phase takes the steps that the table says, and no other", () => {
    const free = new Set(["read", "wait", "set-status"]);
    const seen = new Map<string, Set<string>>();
    for (const { step, phase } of taken) {
      const steps = seen.get(phase) ?? new Set();
      seen.set(phase, free.has(nameOfStep(step)) ? steps : steps.add(nameOfStep(step)));
    }
    for (const [phase = "", steps = ""] of table("phase", "steps")) {
      const wanted = steps.split(" ").filter((step) => step !== "");
      expect([...(seen.get(phase) ?? [])].toSorted(), phase).toEqual(wanted.toSorted());
    }
  });
});

const fresh = (s: MoveSnapshot, ...parts: readonly Part[]): boolean => parts.every((part) => s.fresh.has(part));
const commits = ({ step, phase }: Taken): boolean =>
  step.step === "set-status" && step.status.phase === "Committed" && phase !== "Committed";
const changes = ({ step }: Taken, ...which: readonly string[]): boolean => which.includes(nameOfStep(step));
const uid = "move-1";

/** Each says whether the invariant holds for one step; undefined when it says nothing about it. */
const INVARIANTS: Readonly<Record<string, (one: Taken) => boolean | undefined>> = {
  I1: (one) =>
    commits(one) ? one.phase === "Sealed" && fresh(one.s, "move", "volumes", "copies", "nodes") : undefined,
  I2: (one) =>
    commits(one)
      ? one.s.volumes.every(({ sourceCopy }) => {
          const report = sourceCopy?.status?.move;
          const current = report?.moveUID === uid && report.sealing === one.s.move.status?.sealing;
          return current && report.role === "Source" && report.state === "Sealed";
        })
      : undefined,
  I3: (one) =>
    commits(one)
      ? one.s.volumes.every(({ sourceCopy, targetCopy }) => {
          const source = sourceCopy?.status?.move;
          const target = targetCopy?.status?.move;
          if (source?.tombstone === true) return true;
          const current = target?.moveUID === uid && target.sealing === one.s.move.status?.sealing;
          const equal = target?.digest !== undefined && target.digest === source?.digest;
          const boot = target?.bootID === "boot" && source?.bootID === "boot";
          return current && target.role === "Target" && target.state === "Copied" && equal && boot;
        })
      : undefined,
  I4: (one) =>
    commits(one)
      ? one.s.volumes.every(({ volume }) => volume?.spec.fence === uid && volume.spec.activeMove?.uid === uid)
      : undefined,
  I5: (one) => {
    if (one.step.step !== "set-status") return undefined;
    const before = one.s.move.status?.sealing ?? 0;
    const raised = entered(one) === "Fenced" ? before + 1 : before;
    return (one.step.status.sealing ?? 0) === raised;
  },
  I6: (one) =>
    changes(one, "evict", "delete-pod")
      ? fresh(one.s, "move", "volumes", "pods") &&
        one.s.volumes.every(({ volume, labelsPending }) => volume?.spec.fence === uid && labelsPending === undefined)
      : undefined,
  I7: (one) => {
    const early = changes(one, "release") && !["Undoing", "Committed"].includes(one.phase);
    return changes(one, "fence", "unfence") || early ? fresh(one.s, "move", "volumes") : undefined;
  },
  I8: ({ step }) =>
    step.step === "change-volume" && step.change === "place"
      ? step.volume.spec.fence === uid &&
        step.volume.spec.activeMove?.uid === uid &&
        step.spec.epoch === step.volume.spec.epoch + 1 &&
        step.spec.fence === undefined &&
        step.spec.activeMove?.uid === uid
      : undefined,
  I9: ({ s, step }) => {
    if (step.step !== "change-volume" || step.change !== "place") return undefined;
    const copy = s.volumes.find(({ name }) => name === step.volume.metadata.name)?.sourceCopy;
    const wasNeverPublished = step.volume.spec.mayCreate !== undefined && copy?.status?.move?.tombstone === true;
    return (step.spec.mayCreate !== undefined) === wasNeverPublished;
  },
  I10: (one) => (changes(one, "remove-finalizer") ? one.phase === "Done" || one.phase === "Cancelled" : undefined),
  I11: ({ s, step }) => (step.step === "wait" ? (s.move.status?.message ?? "") !== "" : undefined),
  I12: ({ s, step, phase }) =>
    step.step === "set-status" && step.status.phase === phase && phase !== "Done"
      ? fresh(s, "move", "volumes")
      : undefined,
};

describe("invariants of a move", () => {
  const stated = [...HEAD.matchAll(/^ \*\s+(I\d+)\s/gm)].map(([, id]) => id);

  test("each that is stated is tested", () => {
    expect(stated).toEqual(Object.keys(INVARIANTS));
  });

  for (const [id, holds] of Object.entries(INVARIANTS)) {
    test(`${id} holds, and is met`, () => {
      const verdicts = taken
        .map((one) => ({ one, verdict: holds(one) }))
        .filter(({ verdict }) => verdict !== undefined);
      expect(verdicts.length).toBeGreaterThan(10);
      expect(verdicts.find(({ verdict }) => verdict === false)?.one).toBeUndefined();
    });
  }
});
