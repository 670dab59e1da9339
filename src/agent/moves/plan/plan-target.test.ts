import { describe, expect, test } from "vitest";
import type { LocalVolume } from "../../../api/kinds/local-volume.ts";
import type { CopyReport } from "../../../api/kinds/volume-copy.ts";
import type { MovePhase, VolumeMove } from "../../../api/kinds/volume-move.ts";
import type { Stored } from "../../../kube/objects.ts";
import { planTarget } from "./plan-target.ts";
import type { CopyView, VolumeView } from "../view.ts";

const NODE = "b";
const MOVE = "move-uid";

function localVolume(change: Partial<LocalVolume["spec"]> = {}): Stored<LocalVolume> {
  return {
    metadata: { name: "v", uid: "u", resourceVersion: "1" },
    spec: {
      nodeName: "a",
      epoch: 1,
      incarnation: "i",
      reclaim: false,
      fence: MOVE,
      activeMove: { name: "m", uid: MOVE },
      ...change,
    },
  } as Stored<LocalVolume>;
}
function move(phase: MovePhase, change: Partial<VolumeMove["status"]> = {}, deleted = false): Stored<VolumeMove> {
  const deletionTimestamp = deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {};
  return {
    metadata: { name: "m", uid: MOVE, resourceVersion: "1", ...deletionTimestamp },
    spec: { volumes: [{ name: "v", mode: "Copy" }], from: "a", reason: "Request" },
    status: {
      phase,
      sealing: 2,
      target: NODE,
      volumes: [{ name: "v", epoch: 1, incarnation: "i" }],
      ...change,
    },
  };
}
const incoming: CopyView = {
  directory: `2-${MOVE}`,
  epoch: 2,
  incarnation: "i",
  state: "Incoming",
  tombstone: false,
  moveUID: MOVE,
  whole: undefined,
};
const view = (change: Partial<VolumeView> = {}): VolumeView => ({
  volume: "v",
  nodeName: NODE,
  bootID: "boot-b",
  localVolume: localVolume(),
  move: move("Sealed"),
  copies: [],
  pool: "ready",
  publishedTo: [],
  report: undefined,
  found: {},
  ...change,
});
const sealed: CopyReport = {
  moveUID: MOVE,
  sealing: 2,
  role: "Source",
  state: "Sealed",
  digest: "d",
  bootID: "boot-a",
  at: "2026-01-01T00:00:00Z",
};
const copied: CopyReport = { ...sealed, role: "Target", state: "Copied", bootID: "boot-b" };
const copy = { step: "copy", epoch: 2, incarnation: "i", digest: "d" };
const NOTHING = { step: "nothing" };
const summary = { digest: "d", bytes: 1, files: 1 };

test("a volume that is sealed for this sealing is pulled", () => {
  expect(planTarget(view(), sealed)).toEqual(copy);
});

describe("nothing is pulled", () => {
  test.each<[string, Partial<VolumeView>, CopyReport | undefined]>([
    ["before the source has reported", {}, undefined],
    ["on the source's report for another sealing", {}, { ...sealed, sealing: 1 }],
    ["on the source's report for another move", {}, { ...sealed, moveUID: "other" }],
    ["while the source still waits", {}, { ...sealed, state: "Waiting" }],
    ["of a volume that was never published", {}, { ...sealed, tombstone: true }],
    ["in Fenced", { move: move("Fenced") }, sealed],
    ["in Undoing", { move: move("Undoing") }, sealed],
    ["once the move is being deleted", { move: move("Sealed", {}, true) }, sealed],
    ["to another target", { move: move("Sealed", { target: "c" }) }, sealed],
    [
      "of a volume that another move holds",
      { localVolume: localVolume({ activeMove: { name: "n", uid: "n" } }) },
      sealed,
    ],
    ["of an epoch that the move has not recorded", { localVolume: localVolume({ epoch: 3 }) }, sealed],
    ["of another incarnation", { localVolume: localVolume({ incarnation: "j" }) }, sealed],
    ["of a volume that is being removed", { localVolume: localVolume({ reclaim: true }) }, sealed],
    ["without a LocalVolume", { localVolume: undefined }, sealed],
  ])("%s", (_title, change, source) => {
    expect(planTarget(view(change), source)).toEqual(NOTHING);
  });
});

describe("what has come of the transfer", () => {
  test("is reported with its digest", () => {
    const content = { role: "Target", state: "Copied", ...summary };
    expect(planTarget(view({ found: { copied: summary } }), sealed)).toEqual({ step: "report", content });
  });
  test("is reported with the reason when it failed", () => {
    const content = { role: "Target", state: "Refused", code: "FULL", message: "no room" };
    const found = { copied: { code: "FULL", message: "no room" } };
    expect(planTarget(view({ found }), sealed)).toEqual({ step: "report", content });
  });
  test("is reported once", () => {
    expect(planTarget(view({ found: { copied: summary }, report: copied }), sealed)).toEqual(NOTHING);
  });
});

// The commit may stand on the report already: a transfer into the copy would write under the pod.
describe("after a restart of the agent, what was reported Copied", () => {
  test("is not written to again", () => {
    expect(planTarget(view({ copies: [incoming], report: copied }), sealed)).toEqual(NOTHING);
  });
  test("stays reported when another process has made it, and this one failed to", () => {
    const found = { copied: { code: "TRANSFER_TARGET_BUSY", message: "another process still writes" } };
    expect(planTarget(view({ copies: [incoming], report: copied, found }), sealed)).toEqual(NOTHING);
    const report: CopyReport = { ...copied, bootID: "boot-before" };
    expect(planTarget(view({ copies: [incoming], report, found }), sealed)).toMatchObject({ step: "report" });
  });
  test("is compared, and not written to, when the machine was restarted since", () => {
    const report: CopyReport = { ...copied, bootID: "boot-before" };
    const step = { step: "compare", epoch: 2, moveUID: MOVE };
    expect(planTarget(view({ copies: [incoming], report }), sealed)).toEqual(step);
  });
  test.each<[string, number | undefined, object]>([
    ["read and reported when it is whole, though nobody has said so", 2, { step: "compare", epoch: 2, moveUID: MOVE }],
    ["pulled again when it is whole for an earlier sealing", 1, copy],
    ["pulled when it is not whole", undefined, copy],
  ])("is %s", (_title, whole, step) => {
    expect(planTarget(view({ copies: [{ ...incoming, whole }] }), sealed)).toEqual(step);
  });
  test("is left alone when the source has another digest by now: a new sealing comes", () => {
    const report: CopyReport = { ...copied, digest: "other" };
    expect(planTarget(view({ copies: [incoming], report }), sealed)).toEqual(NOTHING);
  });
  test.each<[string, Partial<CopyReport>]>([
    ["for an earlier sealing", { sealing: 1 }],
    ["for another move", { moveUID: "other" }],
    ["as a failure", { state: "Refused" }],
  ])("is pulled again when it was reported %s", (_title, change) => {
    const report = { ...copied, ...change };
    expect(planTarget(view({ copies: [incoming], report }), sealed)).toEqual(copy);
  });
});

describe("the copy that arrived", () => {
  const placed = localVolume({ nodeName: NODE, epoch: 2 });
  const promote = { step: "promote", epoch: 2, moveUID: MOVE };
  test.each<[string, Stored<LocalVolume>, CopyView, object]>([
    ["becomes the volume once the LocalVolume names it", placed, incoming, promote],
    [
      "not once no move holds the volume: what was left here is not the volume",
      localVolume({ nodeName: NODE, epoch: 2, activeMove: undefined }),
      incoming,
      NOTHING,
    ],
    ["not for another epoch", localVolume({ nodeName: NODE, epoch: 3 }), incoming, NOTHING],
    ["not for another incarnation", placed, { ...incoming, incarnation: "j" }, NOTHING],
    ["not for another move", placed, { ...incoming, moveUID: "other" }, NOTHING],
    ["not while the volume is elsewhere", localVolume(), incoming, NOTHING],
    ["not when it is being removed", localVolume({ nodeName: NODE, epoch: 2, reclaim: true }), incoming, NOTHING],
  ])("%s", (_title, volume, copyView, step) => {
    const planned = planTarget(view({ localVolume: volume, move: move("Committed"), copies: [copyView] }), undefined);
    expect(planned).toEqual(step);
  });
});

describe("a copy of a later epoch on the target's disk", () => {
  const later: CopyView = { ...incoming, directory: "2", moveUID: undefined };
  test.each<[string, CopyView]>([
    ["that is Active", { ...later, state: "Active" }],
    ["that was sealed", { ...later, state: "Sealed" }],
    ["that lies in the trash", { ...later, state: "Trash" }],
  ])("%s is the volume of a time that the cluster has forgotten: refused", (_title, one) => {
    expect(planTarget(view({ copies: [one] }), sealed)).toMatchObject({
      step: "report",
      content: { role: "Target", state: "Refused", code: "AGENT_DISK_AHEAD" },
    });
  });
  test("is refused too when it has the name that the copy will get and is of another volume", () => {
    const other: CopyView = { ...later, state: "Active", incarnation: "other" };
    const content = { role: "Target", state: "Refused", code: "AGENT_WRONG_INCARNATION" };
    expect(planTarget(view({ copies: [other] }), sealed)).toMatchObject({ step: "report", content });
    const checked: CopyReport = { ...sealed, state: "Checked" };
    const during = view({ copies: [other], move: move("Copying") });
    expect(planTarget(during, checked, 100)).toMatchObject({ step: "report", content });
  });
  test.each<[string, CopyView]>([
    ["was brought by a cancelled move", { ...incoming, state: "Trash" }],
    [
      "is of another volume of the same name",
      { ...later, state: "Active", incarnation: "other", epoch: 3, directory: "3" },
    ],
  ])("does not matter when it %s", (_title, one) => {
    expect(planTarget(view({ copies: [one] }), sealed)).toEqual(copy);
  });
});

describe("live passes", () => {
  const checked: CopyReport = { ...sealed, state: "Checked" };
  const copyingAt = "2026-01-01T00:00:10Z";
  const livePass = { number: 2, sent: 5, read: 70, toRead: 60, tookMs: 1000, finalMs: 900 };
  const copying = { received: 30, rate: 7, livePass, copyingAt };
  const during = (found: VolumeView["found"]) =>
    planTarget(view({ move: move("Copying", { copyingAt }), found }), checked, 100);

  test("are reported with the progress of the one that runs", () => {
    expect(during({ copying })).toEqual({
      step: "report",
      content: { role: "Target", state: "Copying", copyingAt, bytes: 100, toRead: 70, rate: 7, livePass },
    });
  });
  test("of an earlier time in Copying are not reported", () => {
    const content = { role: "Target", state: "Copying", copyingAt, bytes: 100, toRead: 100, rate: 0 };
    expect(during({ copying: { ...copying, copyingAt: "2026-01-01T00:00:00Z" } })).toEqual({ step: "report", content });
  });
  test("are reported when one more has ended, although no byte has arrived since", () => {
    const { digest: _, ...rest } = checked;
    const report = { ...rest, role: "Target", state: "Copying", copyingAt, toRead: 70, bootID: "boot-b" } as const;
    const now = (number?: number) => {
      const last = { ...report, ...(number === undefined ? {} : { livePass: { ...livePass, number } }) };
      return planTarget(view({ move: move("Copying", { copyingAt }), found: { copying }, report: last }), checked, 100);
    };
    expect(now(1).step).toBe("report");
    expect(now(2).step).toBe("precopy");
    // An API server whose kinds are older has left the figures out. It is not told again and again.
    expect(now().step).toBe("precopy");
  });
  test("end with the figures of the last one", () => {
    const result = { bytes: 100, files: 3, toSend: 5, livePass };
    expect(during({ copying, precopied: { copyingAt, result } })).toEqual({
      step: "report",
      content: { role: "Target", state: "Precopied", copyingAt, ...result },
    });
  });
});

describe("a live pass in Prepared", () => {
  const livePass = { number: 2, sent: 1, read: 1, toRead: 1, tookMs: 1, finalMs: 1 };
  const copyingAt = "2026-01-01T00:00:00.000Z";
  const checked: CopyReport = { ...sealed, state: "Checked", digest: undefined };
  const precopied: CopyReport = {
    ...checked,
    role: "Target",
    state: "Precopied",
    bootID: "boot-b",
    copyingAt,
    livePass,
  };
  const prepared = (change: Partial<VolumeView> = {}): VolumeView =>
    view({
      move: move("Prepared", { copyingAt }),
      localVolume: localVolume({ fence: undefined }),
      copies: [incoming],
      report: precopied,
      ...change,
    });
  const pass = { step: "keep-small", epoch: 2, incarnation: "i", passes: 2 };

  test("is made only for what was copied in Copying", () => {
    expect(planTarget(prepared(), checked)).toEqual(pass);
    // Of an agent before this one, on the same machine or before its restart.
    expect(planTarget(prepared({ report: { ...precopied, bootID: "boot-before" } }), checked)).toEqual(pass);
  });

  test.each<[string, Partial<VolumeView>, CopyReport | undefined]>([
    ["of a volume that is fenced", { localVolume: localVolume() }, checked],
    ["of a volume that another move holds", { localVolume: localVolume({ activeMove: undefined }) }, checked],
    [
      "of a volume that was never made",
      { localVolume: localVolume({ fence: undefined, mayCreate: { nodeName: "a", epoch: 1 } }) },
      checked,
    ],
    ["before the source has checked it", {}, undefined],
    ["on the source's report for another sealing", {}, { ...checked, sealing: 1 }],
    ["when its live passes have failed", { report: { ...precopied, state: "Refused" } }, checked],
    ["of what was reported as Copied", { report: { ...precopied, state: "Copied" } }, checked],
    ["after a seal that was undone", { report: { ...precopied, sealing: 1 } }, checked],
    [
      "of what was copied for another time in Copying",
      { report: { ...precopied, copyingAt: "2025-01-01T00:00:00.000Z" } },
      checked,
    ],
    ["of what was copied for another move", { report: { ...precopied, moveUID: "other" } }, checked],
    ["of what this node has not reported", { report: undefined }, checked],
    ["after a copy that failed", { move: move("Prepared", { copyingAt, failures: 1, sealedAt: copyingAt }) }, checked],
    ["once the move is being deleted", { move: move("Prepared", { copyingAt }, true) }, checked],
    ["to another target", { move: move("Prepared", { copyingAt, target: "c" }) }, checked],
    [
      "beside a copy of a later epoch",
      { copies: [{ ...incoming, state: "Active", epoch: 3, moveUID: undefined }] },
      checked,
    ],
    [
      "when the source does not tell what is to be read",
      { report: { ...precopied, livePass: { ...livePass, toRead: undefined } } },
      checked,
    ],
    [
      "when much is open for writing",
      { report: { ...precopied, livePass: { ...livePass, toRead: 2 ** 30 + 1 } } },
      checked,
    ],
    ["in Fenced", { move: move("Fenced", { copyingAt }) }, checked],
  ])("is not made %s", (_title, change, source) => {
    expect(planTarget(prepared(change), source)).toEqual(NOTHING);
  });

  test("that has ended is reported once, and its failure is not", () => {
    const result = { bytes: 1, files: 1, toSend: 1, livePass: { ...livePass, number: 3 } };
    const found = { precopied: { copyingAt, result } };
    const content = { role: "Target", state: "Precopied", copyingAt, ...result };
    expect(planTarget(prepared({ found }), checked)).toEqual({ step: "report", content });
    const report = { ...precopied, livePass: result.livePass };
    expect(planTarget(prepared({ found, report }), checked)).toEqual({ ...pass, passes: 3 });
    const failed = { precopied: { copyingAt, result: { code: "FULL", message: "no room" } } };
    expect(planTarget(prepared({ found: failed }), checked)).toEqual(pass);
  });
});
