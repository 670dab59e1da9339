import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { copyNameOf } from "../../api/copy-name.ts";
import type { MovePhase } from "../../api/kinds/volume-move.ts";
import { localVolume, NODE, at, publishRequest, targetOf, TestNode } from "../testing/agent.fixture.ts";
import { digestOf, MemoryMoving, MOVE_UID, reportOf, untilAborted, volumeMove } from "../testing/moving.fixture.ts";
import { ACTIVE, DATA, MOVE, OTHER, SOURCE_COPY, VOLUME } from "../testing/target-of-move.fixture.ts";

let node: TestNode;
let moving: MemoryMoving;
const start = async (): Promise<void> => {
  node = new TestNode();
  moving = new MemoryMoving(node.disk);
  await node.start({ moving });
};
beforeEach(start);
afterEach(() => node.stop());

const report = () => node.copyOf("pvc-1")?.status?.move;
const copies = () =>
  (node.copyOf("pvc-1")?.status?.copies ?? []).map(({ directory, state }) => `${directory} ${state}`);
const restart = async (): Promise<void> => {
  await node.stop();
  await node.start({ moving });
};
const says = (state: string, sealing = 1) =>
  node.eventually(`it says ${state}`, () => report()?.state === state && report()?.sealing === sealing);
const published = () => node.node.publish(publishRequest());
const unpublished = () => node.node.unpublish({ volumeId: "pvc-1", targetPath: targetOf("pod-1") });

describe("the source", () => {
  const phase = (next: MovePhase, sealing = 1): void => {
    node.put(MOVE, volumeMove(NODE, OTHER, { phase: next, sealing }));
  };
  beforeEach(async () => {
    node.put(at.volume("pvc-1"), localVolume("pvc-1"));
    node.pod("pod-1");
    await published();
    for (const [name, text] of Object.entries(DATA)) node.disk.put(`${VOLUME}/1/data/${name}`, text);
    node.change("pvc-1", { activeMove: ACTIVE, mayCreate: undefined as never });
  });
  const fenced = async (): Promise<void> => {
    node.change("pvc-1", { fence: MOVE_UID });
    phase("Fenced");
    await says("Waiting");
  };
  const sealed = async (): Promise<void> => {
    await fenced();
    await unpublished();
    await says("Sealed");
  };

  test("waits for the pod, seals, and reports the summary of the tree", async () => {
    await fenced();
    expect(report()?.message).toBe("mounted for pod pod-1");
    expect(copies()).toEqual(["1 Active"]);
    await unpublished();
    await says("Sealed");
    expect(report()).toMatchObject({ role: "Source", moveUID: MOVE_UID, digest: digestOf(DATA) });
    expect(report()?.sealMs).toBeGreaterThanOrEqual(0);
    expect(await moving.files(`${VOLUME}/1/data.sealed`)).toEqual(DATA);
    await expect(published()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  });

  test("proves again for each sealing, and does not rely on an earlier proof", async () => {
    await sealed();
    moving.proof = { proven: false, holders: [], unreadable: [{ pid: 7, why: "EACCES" }] };
    phase("Fenced", 2);
    await says("Waiting", 2);
    expect(report()?.message).toBe("process 7 cannot be checked: EACCES");
    moving.proof = { proven: true };
    await says("Sealed", 2);
  });

  describe("when the API was restored from a backup, and a sealing number counts a second time", () => {
    /** Seals and opens the volume, and its pod has written then. Resolves with the restore. */
    async function sealedAndUndone() {
      await sealed();
      const saved = [at.volume("pvc-1"), at.copy("pvc-1")].map((path) => [path, node.kube.at(path)] as const);
      phase("Undoing");
      await says("Unsealed");
      node.change("pvc-1", { fence: undefined as never, activeMove: undefined as never });
      await published();
      node.disk.put(`${VOLUME}/1/data/later`, "written after the undo");
      await unpublished();
      return () => {
        for (const [path, object] of saved) node.put(path, object as never);
      };
    }
    const all = { ...DATA, later: "written after the undo" };

    test("proves and reads again", async () => {
      await sealedAndUndone();
      moving.proof = { proven: false, holders: [], unreadable: [{ pid: 7, why: "EACCES" }] };
      node.change("pvc-1", { fence: MOVE_UID, activeMove: ACTIVE });
      phase("Fenced");
      await says("Waiting");
      expect(report()?.message).toBe("process 7 cannot be checked: EACCES");
      moving.proof = { proven: true };
      await says("Sealed");
      expect(report()?.digest).toBe(digestOf(all));
    });

    test.each([false, true])(
      "takes back the report of before, also after a restart of the agent: %s",
      async (again) => {
        const restore = await sealedAndUndone();
        if (again) await node.stop();
        restore();
        phase("Sealed");
        if (again) await node.start({ moving });
        await node.eventually("it has read again", () => report()?.digest === digestOf(all));
        expect(report()).toMatchObject({ state: "Sealed", sealing: 1 });
      },
    );
  });

  test("continues after the agent was ended at any point", async () => {
    await fenced();
    await restart();
    await unpublished();
    moving.proof = { proven: false, holders: [], unreadable: [{ pid: 7, why: "EACCES" }] };
    await node.eventually("it is closed", () => copies().join() === "1 Sealing");
    await restart();
    expect(report()?.state).toBe("Waiting");
    moving.proof = { proven: true };
    moving.onSummarize = () => {
      throw new Error("EIO");
    };
    await node.eventually("it is sealed", () => copies().join() === "1 Sealed");
    await restart();
    moving.onSummarize = () => undefined;
    phase("Fenced", 2);
    await says("Sealed", 2);
    expect(report()?.digest).toBe(digestOf(DATA));
  });

  test("reports that it cannot read what it has sealed", async () => {
    moving.onSummarize = () => {
      throw new Error("EIO: a broken disk");
    };
    await fenced();
    await unpublished();
    await says("Refused");
    expect(report()?.message).toMatch(/EIO: a broken disk/);
  });

  test("sends the sealed volume only to the target, and stops when the move is undone", async () => {
    await sealed();
    phase("Sealed");
    const request = {
      volume: "pvc-1",
      epoch: 1,
      incarnation: "inc-1",
      move: "move-1",
      moveUID: MOVE_UID,
      sealing: 1,
    };
    await expect(moving.ask("node-c", request)).rejects.toMatchObject({ code: "AGENT_TRANSFER_REFUSED" });
    await expect(moving.ask(OTHER, { ...request, sealing: 2 })).rejects.toMatchObject({
      code: "AGENT_TRANSFER_REFUSED",
    });
    moving.onSend = untilAborted;
    const send = await moving.ask(OTHER, request);
    const sent = send(new PassThrough()).then(
      () => "sent",
      () => "stopped",
    );
    await node.clock.advance(1000);
    phase("Undoing");
    await says("Unsealed");
    expect(await sent).toBe("stopped");
    expect(copies()).toEqual(["1 Active"]);
    node.change("pvc-1", { fence: undefined as never, activeMove: undefined as never });
    await published();
    expect(await moving.files(`${VOLUME}/1/data`)).toEqual(DATA);
    await expect(moving.ask(OTHER, request)).rejects.toMatchObject({ code: "AGENT_TRANSFER_REFUSED" });
  });

  test("counts the volume before it reports Checked, however much was written since the last count", async () => {
    for (let at = 0; at < 20; at++) node.disk.put(`${VOLUME}/1/data/more-${String(at)}`, "x");
    const copy = () => node.copyOf("pvc-1")?.status?.copies?.find(({ epoch }) => epoch === 1);
    expect(copy()?.files ?? 0).toBeLessThan(20);
    phase("Planned", 0);
    await says("Checked", 0);
    expect(copy()?.files).toBeGreaterThanOrEqual(22);
  });

  test.each([
    ["Copying", "Fenced"],
    ["Prepared", "Planned"],
  ] as const)(
    "sends the open volume only to a live pass, in %s, and ends that before it proves",
    async (open, shut) => {
      const live = {
        volume: "pvc-1",
        epoch: 1,
        incarnation: "inc-1",
        move: "move-1",
        moveUID: MOVE_UID,
        sealing: 0,
        pass: "00000000-0000-4000-8000-00000000000a",
      };
      const { pass: _pass, ...final } = live;
      const refusal = { code: "AGENT_TRANSFER_REFUSED" };
      phase("Planned", 0);
      await says("Checked", 0);
      phase(shut, 0);
      await expect(moving.ask(OTHER, live)).rejects.toMatchObject(refusal);
      phase(open, 0);
      node.change("pvc-1", { fence: MOVE_UID });
      await expect(moving.ask(OTHER, live)).rejects.toMatchObject(refusal);
      node.change("pvc-1", { fence: undefined as never });
      await expect(moving.ask(OTHER, final)).rejects.toMatchObject(refusal);
      await expect(moving.ask("node-c", live)).rejects.toMatchObject(refusal);
      await expect(moving.ask(OTHER, { ...live, epoch: 2 })).rejects.toMatchObject(refusal);
      await expect(moving.ask(OTHER, { ...live, sealing: 1 })).rejects.toMatchObject(refusal);
      moving.onSend = (signal) => untilAborted(signal).finally(() => moving.done.push("the pass has ended"));
      const send = await moving.ask(OTHER, live);
      const late = await moving.ask(OTHER, live);
      const sent = send(new PassThrough()).then(
        () => "sent",
        () => "stopped",
      );
      await fenced();
      await unpublished();
      await says("Sealed");
      expect(await sent).toBe("stopped");
      const [ended, proved] = ["the pass has ended", `prove ${VOLUME}/1`].map((line) => moving.done.indexOf(line));
      expect(ended).toBeGreaterThan(0);
      expect(ended).toBeLessThan(proved ?? 0);
      // One that was admitted in time and begins late finds nothing under that name.
      await expect(late(new PassThrough())).rejects.toThrow("ENOENT");
    },
  );

  test("opens by itself what was sealed for a move that no longer holds it", async () => {
    await sealed();
    node.change("pvc-1", { fence: undefined as never, activeMove: undefined as never });
    node.kube.remove(MOVE);
    await node.eventually("it is open", () => copies().join() === "1 Active", 60_000);
    await published();
  });

  test("does not open what was sealed while another node has the volume in a later epoch", async () => {
    await sealed();
    const other = { epoch: 2, directory: "2", state: "Active", incarnation: "inc-1", poolUUID: "p", publishedTo: [] };
    node.put("/apis/mooring.dev/v1alpha1/volumecopies/pvc-1.node-c", {
      metadata: { name: "pvc-1.node-c" },
      spec: { volume: "pvc-1", nodeName: "node-c" },
      status: { copies: [other] },
    });
    // As it was before the move, after a restore of etcd.
    node.change("pvc-1", { fence: undefined as never, activeMove: undefined as never });
    node.kube.remove(MOVE);
    await node.clock.advance(60_000);
    expect(copies()).toEqual(["1 Sealed"]);
    node.kube.remove("/apis/mooring.dev/v1alpha1/volumecopies/pvc-1.node-c");
    await node.eventually("it is open", () => copies().join() === "1 Active", 60_000);
  });

  test("keeps the bytes as trash once the volume is elsewhere", async () => {
    await sealed();
    node.change("pvc-1", { nodeName: OTHER, epoch: 2, fence: undefined as never });
    phase("Committed");
    await node.eventually("it is trash", () => copies().join() === "1 Trash", 60_000);
    await node.clock.advance(120_000);
    expect(await moving.files(`${VOLUME}/1/data.sealed`)).toEqual(DATA);
    await expect(published()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  });

  test("when its disk fails after the commit, says so to a move that brings the volume back", async () => {
    await sealed();
    node.disk.readOnly = VOLUME;
    node.change("pvc-1", { nodeName: OTHER, epoch: 2, fence: undefined as never });
    phase("Committed");
    await node.clock.advance(60_000);
    expect(copies()).toEqual(["1 Sealed"]);
    const back = { name: "move-2", uid: "uid-2" };
    const { spec } = volumeMove(OTHER, NODE);
    node.change("pvc-1", { activeMove: back });
    node.put(MOVE.replace("move-1", back.name), {
      metadata: back,
      spec,
      status: { phase: "Copying", target: NODE, volumes: [{ name: "pvc-1", epoch: 2, incarnation: "inc-1" }] },
    });
    const active = { epoch: 2, directory: "2", state: "Active", incarnation: "inc-1", poolUUID: "p" };
    const checked = reportOf({ moveUID: back.uid, sealing: 0, state: "Checked" });
    node.put(SOURCE_COPY, {
      metadata: { name: copyNameOf("pvc-1", OTHER) },
      spec: { volume: "pvc-1", nodeName: OTHER },
      status: { copies: [active], move: checked },
    });
    await node.eventually("it refuses", () => report()?.moveUID === back.uid && report()?.state === "Refused", 60_000);
    expect(report()).toMatchObject({ role: "Target", code: "TRANSFER_TARGET_FAILED" });
    expect(report()?.message).toContain("EROFS");
    node.disk.readOnly = undefined;
    await node.eventually("the old copy is trash", () => copies().includes("1 Trash"), 600_000);
  });

  test("refuses what cannot be copied before the pod is disturbed", async () => {
    moving.unmovable = [{ path: "socket", reason: "a mount" }];
    phase("Prepared");
    await says("Refused");
    expect(report()).toMatchObject({ code: "AGENT_UNMOVABLE", message: "socket is a mount" });
    expect(copies()).toEqual(["1 Active"]);
  });

  test("refuses before the pod is disturbed when another copy of the volume cannot be read", async () => {
    node.disk.prepare(`${VOLUME}/9`).put(`${VOLUME}/9/copy.json`, "{");
    phase("Copying", 0);
    await node.eventually("it refuses", () => report()?.state === "Refused", 60_000);
    expect(report()).toMatchObject({ role: "Source", code: "AGENT_MOVE_FAILED" });
    expect(report()?.message).toMatch(/9\/copy\.json is damaged/);
  });

  test("refuses before the pod is disturbed when its disk is read-only, and so could not be sealed", async () => {
    node.disk.readOnly = VOLUME;
    phase("Prepared");
    await says("Refused");
    expect(report()).toMatchObject({ code: "AGENT_UNMOVABLE" });
    expect(report()?.message).toMatch(/^the disk of node \S+ has failed: EROFS/);
  });

  test("refuses when its disk has become read-only after the pods were evicted, so that the move is undone", async () => {
    await fenced();
    node.disk.readOnly = VOLUME;
    await unpublished();
    await says("Refused");
    expect(report()?.message).toMatch(/^the disk of node \S+ has failed: EROFS/);
    expect(copies()).toEqual(["1 Active"]);
  });
});

test("a source that has never made the volume reports that, and never makes it", async () => {
  node.put(at.volume("pvc-1"), localVolume("pvc-1", { activeMove: ACTIVE, fence: MOVE_UID }));
  node.pod("pod-1");
  node.put(MOVE, volumeMove(NODE, OTHER, { phase: "Fenced", sealing: 1 }));
  await says("Sealed");
  expect(report()?.tombstone).toBe(true);
  expect(report()?.digest).toBeUndefined();
  node.change("pvc-1", { activeMove: undefined as never, fence: undefined as never });
  node.kube.remove(MOVE);
  await node.eventually("it is open again", () => copies().join() === "1 Active", 60_000);
  await published();
});
