import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { CopyStore } from "../copies/copy-store.ts";
import { NODE, at, POOL, publishRequest, targetOf, TestNode } from "../testing/agent.fixture.ts";
import { digestOf, MemoryMoving, MOVE_UID, reportOf, untilAborted, volumeMove } from "../testing/moving.fixture.ts";
import { API, DATA, INCOMING, MOVE, OTHER, targetOfMove, VOLUME } from "../testing/target-of-move.fixture.ts";

let node: TestNode;
let moving: MemoryMoving;
const start = async (): Promise<void> => {
  node = new TestNode();
  moving = new MemoryMoving(node.disk);
  await node.start({ moving });
};
beforeEach(start);
afterEach(() => node.stop());

const copies = () =>
  (node.copyOf("pvc-1")?.status?.copies ?? []).map(({ directory, state }) => `${directory} ${state}`);
const restart = async (): Promise<void> => {
  await node.stop();
  await node.start({ moving });
};
const published = () => node.node.publish(publishRequest());
const { copying, fence, whole, phase, place, prepare, receives, report, sealed, says, sourceSays } = targetOfMove(
  () => ({ node, moving }),
);

describe("the target", () => {
  /**
   * Lets a transfer end while a look at its volume waits for the API server: at the first request
   * of the look, at the second, and so on. Whatever the request, no second transfer may begin.
   */
  const endAtEachRequest = async (
    begin: () => void,
    again: Parameters<typeof phase>,
    reported: () => Promise<unknown>,
  ): Promise<void> => {
    let requests = 1;
    for (let last = 0; last < requests; last++) {
      await node.stop();
      await start();
      prepare();
      let finish = (): void => undefined;
      moving.onReceive = () =>
        new Promise((resolve) => {
          finish = resolve;
        });
      begin();
      await node.eventually("it is half there", () => receives() === 1);
      let count = 0;
      node.kube.intercept = async () => {
        if (count++ !== last) return;
        finish();
        await settle();
      };
      phase(...again);
      await node.clock.advance(0);
      requests = Math.max(requests, count);
      finish();
      await reported();
      await node.clock.advance(60_000);
      expect({ last, receives: receives() }).toEqual({ last, receives: 1 });
    }
    expect(requests).toBeGreaterThan(5);
  };
  /** Another move holds the volume, and its source is sealed. */
  const nextMove = (): void => {
    node.change("pvc-1", { fence: "uid-2", activeMove: { name: "move-2", uid: "uid-2" } });
    const second = volumeMove(OTHER, NODE, { phase: "Sealed", sealing: 1 });
    sourceSays({ move: reportOf({ moveUID: "uid-2", digest: digestOf(DATA) }) });
    node.put(`${API}/volumemoves/move-2`, { ...second, metadata: { name: "move-2", uid: "uid-2" } });
  };
  beforeEach(prepare);

  test("copies, reports what has arrived, and opens it once the volume is on this node", async () => {
    sealed();
    await says("Copied");
    expect(report()).toMatchObject({ role: "Target", digest: digestOf(DATA) });
    expect(copies()).toEqual([`${INCOMING} Incoming`]);
    await expect(published()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    place();
    await node.eventually("it is open", () => copies().join() === "2 Active", 60_000);
    await published();
    expect(node.mounts.summary()).toEqual([`${VOLUME}/2/data at ${targetOf("pod-1")} rw`]);
    expect(await moving.files(`${VOLUME}/2/data`)).toEqual(DATA);
  });

  describe("while the pod writes", () => {
    test("it copies what there is, and the result is not a whole copy", async () => {
      copying();
      await says("Precopied", 0);
      expect(report()).toMatchObject({ role: "Target", toSend: 0 });
      expect(report()?.digest).toBeUndefined();
      expect(moving.requests).toMatchObject([{ epoch: 1, sealing: 0, pass: expect.any(String) as string }]);
      expect(await moving.files(`${VOLUME}/${INCOMING}/data`)).toEqual(DATA);
      expect(await whole()).toBeUndefined();
      phase("Prepared", 0);
      await node.clock.advance(60_000);
      expect(receives()).toBe(1);
      fence();
      sealed(1, { c: "newer" });
      await says("Copied");
      expect(report()?.digest).toBe("c=newer");
      expect(await whole()).toBe(1);
      expect(moving.requests.map(({ pass }) => pass === undefined)).toEqual([false, true]);
    });

    test("nothing of it is ever opened, whatever the LocalVolume says", async () => {
      copying();
      await says("Precopied", 0);
      place();
      await node.clock.advance(60_000);
      expect(copies()).toEqual([`${INCOMING} Incoming`]);
      await expect(published()).rejects.toThrow();
    });

    test("a pass in progress ends before the final one begins", async () => {
      const order: string[] = [];
      moving.onReceive = (signal) => {
        order.push("begins");
        if (order.length > 1) return Promise.resolve();
        return untilAborted(signal).finally(() => order.push("ended"));
      };
      copying();
      await node.eventually("it is half there", () => order.length === 1);
      fence();
      sealed();
      await says("Copied");
      expect(order).toEqual(["begins", "ended", "begins"]);
    });

    test("it copies everything again when the move enters Copying again", async () => {
      copying();
      await says("Precopied", 0);
      for (const copyingAt of ["2030-01-01T00:00:10.000Z", "2030-01-01T00:00:20.000Z"]) {
        const before = receives();
        node.put(MOVE, volumeMove(OTHER, NODE, { phase: "Copying", sealing: 0, copyingAt }));
        await node.eventually("it has answered", () => {
          return report()?.copyingAt === copyingAt && report()?.state === "Precopied";
        });
        expect(receives()).toBe(before + 1);
      }
    });

    test("an agent that gets SIGTERM hands its passes over, and one that crashes does not", async () => {
      const again = async (copyingAt: string): Promise<void> => {
        const status = { phase: "Copying", sealing: 0, copyingAt } as const;
        node.put(MOVE, volumeMove(OTHER, NODE, status));
        await node.eventually("it has answered", () => report()?.copyingAt === copyingAt);
        await says("Precopied", 0);
      };
      copying();
      await says("Precopied", 0);
      phase("Prepared", 0);
      await restart();
      await again("2030-01-01T00:10:00.000Z");
      expect(moving.requests).toMatchObject([
        { pass: expect.any(String) as string },
        { base: moving.requests[0]?.pass },
      ]);
      phase("Prepared", 0);
      await node.stop();
      node.disk.lose("/var/lib/mooring/.agent-passes/left");
      await node.start({ moving });
      await again("2030-01-01T00:20:00.000Z");
      expect(moving.requests).toHaveLength(3);
      expect(moving.requests[2]).not.toHaveProperty("base");
    });

    test("it ends with the move", async () => {
      let ended = false;
      moving.onReceive = (signal) =>
        untilAborted(signal).finally(() => {
          ended = true;
        });
      copying();
      await node.eventually("it is half there", () => receives() === 1);
      phase("Undoing", 0);
      await node.eventually("the pass has ended", () => ended);
    });

    test("it reports why nothing can be copied", async () => {
      moving.onReceive = () => Promise.reject(new Error("no room on the disk"));
      copying();
      await says("Refused", 0);
      expect(receives()).toBe(3);
    });

    test("a volume that was never made has nothing to copy", async () => {
      copying();
      await node.stop();
      node.change("pvc-1", { mayCreate: { nodeName: OTHER, epoch: 1 } });
      const before = receives();
      await node.start({ moving });
      await node.clock.advance(60_000);
      expect(receives()).toBe(before);
    });

    test("no file of a live pass is written again at whatever request of a look it ends", async () => {
      await endAtEachRequest(copying, ["Copying", 0], () => says("Precopied", 0));
    });
  });

  test.each([
    ["Sealed", "ENOSPC", "TRANSFER_TARGET_FULL"],
    ["Sealed", "EROFS", "TRANSFER_TARGET_FAILED"],
    ["Copying", "EROFS", "TRANSFER_TARGET_FAILED"],
  ] as const)("refuses a copy when not even its directory can be made: %s, %s", async (phaseOf, code, refusal) => {
    node.disk.makeDirectory = () => Promise.reject(Object.assign(new Error(code), { code }));
    if (phaseOf === "Sealed") sealed();
    else copying();
    await says("Refused", phaseOf === "Sealed" ? 1 : 0);
    expect(report()).toMatchObject({ role: "Target", code: refusal });
    expect(report()?.message).toContain(code);
  });

  test("after a restart writes nothing into what it has reported", async () => {
    sealed();
    await says("Copied");
    await restart();
    phase("Sealed");
    await node.clock.advance(60_000);
    expect(receives()).toBe(1);
    place();
    await node.eventually("it is open", () => copies().join() === "2 Active", 60_000);
  });

  test.each<["copying" | "sealed", number]>([
    ["copying", 0],
    ["sealed", 1],
  ])("tells the move of an error that nothing expects, and goes on when it is over: %s", async (when, sealing) => {
    prepare();
    node.disk.prepare(`${VOLUME}/9`).put(`${VOLUME}/9/copy.json`, "{");
    if (when === "copying") copying();
    else sealed();
    await node.clock.advance(5000);
    expect(report()).toBeUndefined();
    await node.eventually("it is told", () => report() !== undefined, 60_000);
    expect(report()).toMatchObject({
      role: "Target",
      state: "Refused",
      sealing,
      code: "AGENT_MOVE_FAILED",
      message: `node ${NODE} cannot go on with the move of volume pvc-1: ${VOLUME}/9/copy.json is damaged`,
    });
    node.disk.lose(`${VOLUME}/9`);
    await node.clock.advance(60_000);
    expect(receives()).toBe(1);
  });

  test("opens no copy into which another process may write, and opens it when that process has ended", async () => {
    sealed();
    await says("Copied");
    const end = moving.lockElsewhere(`${VOLUME}/${INCOMING}/data`);
    place();
    await node.clock.advance(60_000);
    expect(copies()).toEqual([`${INCOMING} Incoming`]);
    await expect(published()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    end();
    await node.eventually("it is open", () => copies().join() === "2 Active");
    await published();
    expect(await moving.files(`${VOLUME}/2/data`)).toEqual(DATA);
  });

  test("opens it although a transfer of its own still had the directory", async () => {
    sealed();
    await says("Copied");
    moving.onReceive = untilAborted;
    sealed(2);
    await node.eventually("it is half there", () => receives() === 2);
    // What it says of the copy counts, not what it is about to do: as after a restored backup.
    await new CopyStore(node.disk, POOL, "any").arrived({ volume: "pvc-1", epoch: 2, moveUID: MOVE_UID, sealing: 2 });
    place();
    await node.eventually("it is open", () => copies().join() === "2 Active");
  });

  test("writes nothing into a copy that another process has completed and reported", async () => {
    moving.onReceive = () => Promise.reject(new Error("the connection broke"));
    sealed();
    for (let ms = 0; receives() === 0 && ms < 500; ms += 10) await node.clock.advance(10);
    expect(receives()).toBe(1);
    // The other process makes the copy and reports it while this one pauses.
    await new CopyStore(node.disk, POOL, "any").arrived({ volume: "pvc-1", epoch: 2, moveUID: MOVE_UID, sealing: 1 });
    const done = reportOf({ role: "Target", state: "Copied", digest: digestOf(DATA) });
    const object = node.copyOf("pvc-1");
    node.put(at.copy("pvc-1"), { ...object, status: { ...object?.status, move: done } } as KubeObject);
    moving.onReceive = () => Promise.resolve();
    await node.clock.advance(60_000);
    expect(receives()).toBe(1);
    expect(report()?.state).toBe("Copied");
  });

  // ADR 10: it took the mark "whole" away, and the commit that the other process caused found a
  // copy that nobody could open.
  test("leaves a copy alone that another process has completed, and reads it to report it", async () => {
    sealed();
    await says("Copied");
    await node.stop();
    // What the other process has made is not reported yet.
    const { move: _, ...status } = node.copyOf("pvc-1")?.status ?? {};
    node.put(at.copy("pvc-1"), { ...node.copyOf("pvc-1"), status } as KubeObject);
    await node.start({ moving });
    await says("Copied");
    expect(report()?.digest).toBe(digestOf(DATA));
    expect(receives()).toBe(1);
    expect(await whole()).toBe(1);
    place();
    await node.eventually("it is open", () => copies().join() === "2 Active", 60_000);
  });

  test("takes no directory over from an earlier move while another process writes into it", async () => {
    sealed();
    await says("Copied");
    const end = moving.lockElsewhere(`${VOLUME}/${INCOMING}/data`);
    nextMove();
    await node.eventually("it says so", () => report()?.moveUID === "uid-2" && report()?.state === "Refused");
    expect(report()).toMatchObject({
      code: "TRANSFER_TARGET_BUSY",
      message: expect.stringContaining("another process") as string,
    });
    expect(await whole()).toBe(1);
    expect(copies()).toEqual([`${INCOMING} Incoming`]);
    end();
  });

  test("goes on with a directory that another process has taken over halfway", async () => {
    moving.onReceive = untilAborted;
    sealed();
    await node.eventually("it is half there", () => receives() === 1);
    phase("Undoing");
    await node.eventually("nobody writes", () => copies().join() === `${INCOMING} Incoming`);
    // The process has written the new move into copy.json, and has ended before the rename.
    const file = `${VOLUME}/${INCOMING}/copy.json`;
    await node.disk.write(file, (await node.disk.readText(file)).replaceAll(MOVE_UID, "uid-2"));
    moving.onReceive = () => Promise.resolve();
    nextMove();
    await node.eventually("the next is there", () => report()?.moveUID === "uid-2" && report()?.state === "Copied");
    expect(copies()).toEqual(["2-uid-2 Incoming"]);
  });

  test("starts over after a restart in the middle, in the same directory", async () => {
    moving.onReceive = untilAborted;
    sealed();
    await node.eventually("it is half there", () => receives() === 1);
    await node.stop();
    moving.onReceive = () => Promise.resolve();
    await node.start({ moving });
    await node.eventually("it is there", () => report()?.state === "Copied", 60_000);
    expect(copies()).toEqual([`${INCOMING} Incoming`]);
    expect(await moving.files(`${VOLUME}/${INCOMING}/data`)).toEqual(DATA);
  });

  test("copies again for a new sealing, after the end of the previous transfer", async () => {
    const order: string[] = [];
    moving.onReceive = (signal) => {
      order.push("begins");
      if (order.length > 1) return Promise.resolve();
      return untilAborted(signal).finally(() => order.push("ended"));
    };
    sealed();
    await node.eventually("it is half there", () => order.length === 1);
    sealed(2, { c: "newer" });
    await says("Copied", 2);
    expect(order).toEqual(["begins", "ended", "begins"]);
    expect(report()?.digest).toBe("c=newer");
    expect(moving.requests.map(({ sealing }) => sealing)).toEqual([1, 2]);
  });

  test("ends the transfer of a move that is undone, and uses its directory for the next move", async () => {
    let ended = false;
    moving.onReceive = (signal) =>
      untilAborted(signal).finally(() => {
        ended = true;
      });
    sealed();
    await node.eventually("it is half there", () => receives() === 1);
    phase("Undoing");
    await node.eventually("the transfer has ended", () => ended);
    moving.onReceive = () => Promise.resolve();
    nextMove();
    await node.eventually("the next is there", () => report()?.moveUID === "uid-2" && report()?.state === "Copied");
    expect(copies()).toEqual(["2-uid-2 Incoming"]);
  });

  test("begins no second transfer of one sealing, at whatever request of a look the first one ends", async () => {
    await endAtEachRequest(sealed, ["Sealed"], () => says("Copied"));
  });

  test("reports why the copy cannot be made", async () => {
    moving.onReceive = () => Promise.reject(new Error("no room on the disk"));
    sealed();
    await says("Refused");
    expect(report()?.message).toMatch(/no room on the disk/);
    expect(receives()).toBe(3);
  });

  test("does not open a copy before the volume is on this node, nor one of another move", async () => {
    sealed();
    await says("Copied");
    phase("Committed");
    await node.clock.advance(60_000);
    expect(copies()).toEqual([`${INCOMING} Incoming`]);
    node.change("pvc-1", { nodeName: NODE, epoch: 2, fence: undefined as never, activeMove: { name: "x", uid: "x" } });
    await node.clock.advance(60_000);
    expect(copies()).toEqual([`${INCOMING} Incoming`]);
  });
});
