import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import type { VolumeMoveStatus } from "../../../api/kinds/volume-move.ts";
import { move, NOW } from "../../testing/objects.fixture.ts";
import { frame } from "./bars.ts";
import { showFor } from "./show.ts";
import { volumeLine, type DrainView, type LeavingVolume } from "./view.ts";

const GI = 1024 ** 3;
const leaving = { node: "node-a", claim: "app/data", volume: "pvc-data" };
const copying: VolumeMoveStatus = {
  phase: "Copying",
  target: "node-b",
  bytesDone: 1.2 * GI,
  bytesTotal: 2 * GI,
  eta: "14 s",
  message: "Copying to node node-b while the pods run.",
};

function lineOf(status: VolumeMoveStatus, also: Partial<LeavingVolume> = {}) {
  return volumeLine({ ...leaving, ...also }, [move("m", { from: "node-a", volumes: ["pvc-data"] }, status)]);
}

function viewOf(...statuses: readonly VolumeMoveStatus[]): DrainView {
  return {
    nodes: [{ node: "node-a", state: "Moving" }],
    volumes: statuses.map((status, index) => ({ ...lineOf(status), volume: `pvc-${String(index)}` })),
    pods: [],
  };
}

/** What was written, to which output. */
function recorder(isTerminal: boolean, format: "table" | "json" | "yaml" = "table") {
  const out: string[] = [];
  const err: string[] = [];
  const terminal: string[] = [];
  const show = showFor(format, {
    write: (text) => out.push(text),
    tell: (line) => err.push(line),
    now: () => NOW,
    terminal: isTerminal ? { write: (text) => terminal.push(text), columns: 80, rows: 24 } : undefined,
  });
  return { show, out, err, terminal };
}

describe("plain lines", () => {
  test("each change is one line with its time, and nothing is said twice", () => {
    const { err, out, show } = recorder(false);
    show.update(viewOf(copying));
    show.update(viewOf(copying));
    show.update(viewOf({ phase: "Done", target: "node-b", bytesTotal: 2 * GI, bytesDone: 2 * GI }));
    expect(out).toEqual([]);
    expect(err).toEqual([
      "2026-11-27T12:00:00.000Z node node-a: its volumes move before it is cordoned",
      "2026-11-27T12:00:00.000Z volume app/data: Copying to node node-b, 1.2 GiB of 2.0 GiB (60%), about 14 s left",
      "2026-11-27T12:00:00.000Z volume app/data: Done, on node node-b, 2.0 GiB",
    ]);
  });

  test("a held pod is told in the server's words, without what would act on a terminal", () => {
    const { err, show } = recorder(false);
    const pods = [{ node: "node-a", pod: "app/db-0", state: "Held" as const, why: "Cannot evict\n\u001b[2Jnow" }];
    show.update({ nodes: [], volumes: [], pods });
    expect(err).toEqual([
      "2026-11-27T12:00:00.000Z pod app/db-0: its eviction is held, tried again every 5s: Cannot evict ?[2Jnow",
    ]);
  });
});

describe("as data", () => {
  const events = [
    { at: "2026-11-27T12:00:00.000Z", event: "node", node: "node-a", state: "Moving" },
    {
      at: "2026-11-27T12:00:00.000Z",
      event: "volume",
      node: "node-a",
      claim: "app/data",
      volume: "pvc-0",
      state: "Copying",
      move: "m",
      to: "node-b",
      bytesDone: 1.2 * GI,
      bytesTotal: 2 * GI,
      eta: "14 s",
    },
  ];

  test("each change is one JSON object on a line of standard output", () => {
    const { err, out, show, terminal } = recorder(true, "json");
    show.update(viewOf(copying));
    expect(out.map((line) => JSON.parse(line) as unknown)).toEqual(events);
    expect(out.every((line) => line.endsWith("}\n") && line.indexOf("\n") === line.length - 1)).toBe(true);
    expect([err, terminal]).toEqual([[], []]);
  });

  test("each change is one YAML document on standard output", () => {
    const { err, out, show, terminal } = recorder(true, "yaml");
    show.update(viewOf(copying));
    expect(parseAllDocuments(out.join("")).map((one) => one.toJS() as unknown)).toEqual(events);
    expect([err, terminal]).toEqual([[], []]);
  });
});

describe("bars on a terminal", () => {
  test("a drawing is written over the one before, and no plain line appears", () => {
    const { err, out, show, terminal } = recorder(true);
    show.update(viewOf(copying));
    show.update(viewOf({ ...copying, bytesDone: 2 * GI - 1 }));
    expect(terminal).toEqual([
      "\u001b[JNode node-a: its volumes move before it is cordoned\n  app/data  [############--------]  60%  1.2 GiB of 2.0 GiB  14 s left  Copying\n",
      "\u001b[2A\r\u001b[JNode node-a: its volumes move before it is cordoned\n  app/data  [###################-]  99%  2.0 GiB of 2.0 GiB  14 s left  Copying\n",
    ]);
    expect([out, err]).toEqual([[], []]);
  });

  test("a sentence beside it stands above the drawing, which is drawn again below", () => {
    const { show, terminal } = recorder(true);
    show.update(viewOf());
    show.note("A sentence.");
    expect(terminal.join("")).toBe(
      "\u001b[JNode node-a: its volumes move before it is cordoned\n\u001b[1A\r\u001b[JA sentence.\n\u001b[JNode node-a: its volumes move before it is cordoned\n",
    );
  });

  test("where there is no room, what is done is left out first, and the rest is counted", () => {
    const done: VolumeMoveStatus = { phase: "Done", target: "node-b", bytesTotal: GI };
    const lines = frame(viewOf(done, done, copying, copying), { columns: 60, rows: 5 });
    expect(lines.map((line) => line.slice(0, 20))).toEqual([
      "Node node-a: its vol",
      "  app/data  [#######",
      "  app/data  [#######",
      "  and 2 more",
    ]);
    expect(frame(viewOf(copying, copying, copying), { columns: 60, rows: 4 }).length).toBe(3);
  });
});

describe("the line of a volume", () => {
  test("no bar is shown for a figure that nobody has counted, nor for a move that was undone", () => {
    expect(lineOf({ phase: "Copying", target: "node-b" })).not.toHaveProperty("bytesDone");
    expect(lineOf({ ...copying, phase: "Cancelled" })).not.toHaveProperty("bytesDone");
    // The final pass counts anew, and has not begun to.
    expect(lineOf({ ...copying, phase: "Sealed", bytesDone: 0 })).not.toHaveProperty("bytesDone");
  });

  test("what blocks a move comes with its code", () => {
    const conditions = [
      {
        type: "Blocked",
        status: "True" as const,
        reason: "MOVE_EVICTION_HELD",
        message: "why",
        lastTransitionTime: "t",
      },
    ];
    expect(lineOf({ phase: "Prepared", target: "node-b", conditions })).toMatchObject({
      state: "Prepared",
      why: "why",
      code: "MOVE_EVICTION_HELD",
    });
  });

  test("the move that goes on counts, not one that has ended or waits for it", () => {
    const volumes = ["pvc-data"];
    const conditions = [
      { type: "Blocked", status: "True" as const, reason: "MOVE_VOLUME_HELD", message: "", lastTransitionTime: "t" },
    ];
    const moves = [
      move("ended", { from: "node-a", volumes }, { phase: "Cancelled" }),
      move("waits", { from: "node-a", volumes }, { phase: "Planned", conditions }),
      move("goes", { from: "node-a", volumes }, copying),
      move("elsewhere", { from: "node-b", volumes }, copying),
    ];
    expect(volumeLine(leaving, moves).move).toBe("goes");
  });
});
