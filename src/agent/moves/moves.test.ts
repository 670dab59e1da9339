import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MovePhase } from "../../api/kinds/volume-move.ts";
import { copyNameOf } from "../../api/copy-name.ts";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { transferErrors } from "../transfer/errors.ts";
import { CopyStore } from "../copies/copy-store.ts";
import { localVolume, NODE, at, POOL, publishRequest, targetOf, TestNode } from "../testing/agent.fixture.ts";
import { digestOf, MemoryMoving, MOVE_UID, reportOf, untilAborted, volumeMove } from "../testing/moving.fixture.ts";

const API = "/apis/mooring.dev/v1alpha1";
const MOVE = `${API}/volumemoves/move-1`;
const VOLUME = `${POOL}/volumes/pvc-1`;
const OTHER = "node-b";
const ACTIVE = { name: "move-1", uid: MOVE_UID };
const DATA = { a: "precious", b: "bytes" };

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

  test("waits for the pod, seals, and says what the tree is", async () => {
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

  test("proves again for each sealing, and does not believe an earlier one", async () => {
    await sealed();
    moving.proof = { proven: false, holders: [], unreadable: [{ pid: 7, why: "EACCES" }] };
    phase("Fenced", 2);
    await says("Waiting", 2);
    expect(report()?.message).toBe("process 7 cannot be checked: EACCES");
    moving.proof = { proven: true };
    await says("Sealed", 2);
  });

  test("goes on after the agent was ended in any place", async () => {
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

  test("says so when it cannot read what it has sealed", async () => {
    moving.onSummarize = () => {
      throw new Error("EIO: a broken disk");
    };
    await fenced();
    await unpublished();
    await says("Refused");
    expect(report()?.message).toMatch(/EIO: a broken disk/);
  });

  test("sends the sealed volume to the target alone, and stops when the move is undone", async () => {
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

  test("counts the volume before it says Checked, however much was written since the last count", async () => {
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

  test("opens by itself what was sealed for a move that let go", async () => {
    await sealed();
    node.change("pvc-1", { fence: undefined as never, activeMove: undefined as never });
    node.kube.remove(MOVE);
    await node.eventually("it is open", () => copies().join() === "1 Active", 60_000);
    await published();
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

  test("refuses before the pod is disturbed what cannot be copied", async () => {
    moving.unmovable = [{ path: "socket", reason: "a mount" }];
    phase("Prepared");
    await says("Refused");
    expect(report()).toMatchObject({ code: "AGENT_UNMOVABLE", message: "socket is a mount" });
    expect(copies()).toEqual(["1 Active"]);
  });
});

test("a source that has never made the volume says so, and does not make it any more", async () => {
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

describe("the target", () => {
  const source = `${API}/volumecopies/${copyNameOf("pvc-1", OTHER)}`;
  const INCOMING = `2-${MOVE_UID}`;
  const phase = (next: MovePhase, sealing = 1): void => {
    node.put(MOVE, volumeMove(OTHER, NODE, { phase: next, sealing }));
  };
  const sealed = (sealing = 1, files: Readonly<Record<string, string>> = DATA): void => {
    moving.remote = files;
    const status = { move: reportOf({ sealing, digest: digestOf(files) }) };
    node.put(source, { metadata: { name: "s" }, spec: { volume: "pvc-1", nodeName: OTHER }, status } as KubeObject);
    phase("Sealed", sealing);
  };
  const place = (): void => {
    node.change("pvc-1", { nodeName: NODE, epoch: 2, fence: undefined as never });
    phase("Committed");
  };
  const receives = () => moving.done.filter((line) => line.startsWith("receive")).length;
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
  const prepare = (): void => {
    const spec = { nodeName: OTHER, mayCreate: undefined as never, activeMove: ACTIVE, fence: MOVE_UID };
    node.put(at.volume("pvc-1"), localVolume("pvc-1", spec));
    node.pod("pod-1");
  };
  beforeEach(prepare);

  test("pulls, says what has arrived, and opens it once the volume is placed here", async () => {
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
    const copying = (files: Readonly<Record<string, string>> = DATA): void => {
      moving.remote = files;
      const status = {
        copies: [{ epoch: 1, directory: "1", state: "Active", incarnation: "inc-1", poolUUID: "p", bytes: 4096 }],
        move: reportOf({ sealing: 0, state: "Checked" }),
      };
      node.put(source, { metadata: { name: "s" }, spec: { volume: "pvc-1", nodeName: OTHER }, status } as KubeObject);
      node.change("pvc-1", { fence: undefined as never });
      phase("Copying", 0);
    };
    const isWhole = async (): Promise<unknown> =>
      (JSON.parse(await node.disk.readText(`${VOLUME}/${INCOMING}/copy.json`)) as { whole?: boolean }).whole;
    const fence = (): void => node.change("pvc-1", { fence: MOVE_UID });

    test("it brings what there is, and that is no copy yet", async () => {
      copying();
      await says("Precopied", 0);
      expect(report()).toMatchObject({ role: "Target", toSend: 0 });
      expect(report()?.digest).toBeUndefined();
      expect(moving.requests).toMatchObject([{ epoch: 1, sealing: 0, pass: expect.any(String) as string }]);
      expect(await moving.files(`${VOLUME}/${INCOMING}/data`)).toEqual(DATA);
      expect(await isWhole()).toBeUndefined();
      phase("Prepared", 0);
      await node.clock.advance(60_000);
      expect(receives()).toBe(1);
      fence();
      sealed(1, { c: "newer" });
      await says("Copied");
      expect(report()?.digest).toBe("c=newer");
      expect(await isWhole()).toBe(true);
      expect(moving.requests.map(({ pass }) => pass === undefined)).toEqual([false, true]);
    });

    describe("and its move waits in Prepared", () => {
      const FIGURES = { read: 1, toRead: 1, heldMs: 0 };
      const waiting = async (files = DATA): Promise<void> => {
        moving.figures = FIGURES;
        copying(files);
        await says("Precopied", 0);
        phase("Prepared", 0);
      };
      const passes = (): number => moving.requests.filter(({ pass }) => pass !== undefined).length;
      const seconds = async (count: number): Promise<void> => {
        for (let second = 0; second < count; second += 1) await node.clock.advance(1000);
        await settle();
      };

      test("another pass brings what the pod has written, and the report stays Precopied", async () => {
        await waiting();
        const said = new Set<string | undefined>();
        node.kube.intercept = () => Promise.resolve(void said.add(report()?.state));
        await seconds(25);
        expect(passes()).toBe(1);
        moving.remote = { ...DATA, c: "newer" };
        await seconds(10);
        expect(passes()).toBe(2);
        expect(moving.requests[1]).toMatchObject({ base: moving.requests[0]?.pass, sealing: 0, figures: true });
        expect(await moving.files(`${VOLUME}/${INCOMING}/data`)).toEqual({ ...DATA, c: "newer" });
        expect(await isWhole()).toBeUndefined();
        expect(report()).toMatchObject({ state: "Precopied", sealing: 0, livePass: { number: 2, sent: 18 } });
        expect(report()?.digest).toBeUndefined();
        expect(said).toEqual(new Set(["Precopied"]));
      });

      test("passes get rare while they have little to send", async () => {
        await waiting();
        await seconds(3600);
        // After half a minute, 1, 2, 4, 8, 10 … more minutes.
        expect(passes()).toBe(1 + 9);
      });

      test("the fence ends a pass at once, and the final pass brings everything", async () => {
        await waiting();
        const order: string[] = [];
        moving.onReceive = (signal) => {
          order.push("begins");
          if (order.length > 1) return Promise.resolve();
          return untilAborted(signal).finally(() => order.push("ended"));
        };
        await seconds(35);
        expect(order).toEqual(["begins"]);
        phase("Fenced", 1);
        await node.eventually("the pass has ended", () => order.length === 2);
        fence();
        sealed(1, { c: "newer" });
        await says("Copied");
        expect(report()?.digest).toBe("c=newer");
        expect(order).toEqual(["begins", "ended", "begins"]);
      });

      test("a pass that fails changes nothing, and is tried again after minutes", async () => {
        await waiting();
        const before = report();
        moving.onReceive = () => Promise.reject(new Error("no room on the disk"));
        await seconds(300);
        expect(passes()).toBe(2);
        expect(report()).toEqual(before);
        moving.onReceive = () => Promise.resolve();
        await seconds(60);
        expect(passes()).toBe(3);
        expect(report()).toMatchObject({ state: "Precopied", livePass: { number: 2 } });
      });

      test("a pass that finds that nothing is known any more is followed soon by one that brings everything", async () => {
        await waiting();
        moving.onReceive = () => Promise.reject(transferErrors.NOT_KEPT({ path: "a" }));
        await seconds(35);
        expect(passes()).toBe(2);
        // The next one has nothing to continue. It fails, too, but it does not empty the memory.
        await seconds(200);
        expect(passes()).toBe(3);
        expect(moving.requests[2]).not.toHaveProperty("base");
        moving.onReceive = () => Promise.resolve();
        await seconds(150);
        expect(passes()).toBe(4);
        expect(report()).toMatchObject({ state: "Precopied", livePass: { number: 2 } });
      });

      describe("a cut-over of another volume", () => {
        const cutOver = (next: MovePhase, from: string, to: string): void => {
          const { spec, status } = volumeMove(from, to, { phase: next, sealing: 1 });
          const volumes = [{ name: "pvc-2", mode: "Copy" }];
          const metadata = { name: "move-2", uid: "uid-2" };
          node.put(`${API}/volumemoves/move-2`, { metadata, spec: { ...spec, volumes }, status } as KubeObject);
        };
        /** How passes begin and end, while each takes for ever. */
        const following = (): string[] => {
          const order: string[] = [];
          moving.onReceive = (signal) => {
            order.push("begins");
            return untilAborted(signal).finally(() => order.push("ended"));
          };
          return order;
        };

        test.each([
          ["Fenced", OTHER, "node-c"],
          ["Sealed", "node-c", OTHER],
          ["Sealed", NODE, "node-c"],
          ["Fenced", "node-c", NODE],
        ] as const)("that is %s, from %s to %s, ends a pass, which begins anew after it", async (next, from, to) => {
          await waiting();
          const order = following();
          await seconds(35);
          expect(order).toEqual(["begins"]);
          cutOver(next, from, to);
          await node.clock.advance(0);
          expect(order).toEqual(["begins", "ended"]);
          await seconds(60);
          expect(order).toHaveLength(2);
          cutOver("Done", from, to);
          await seconds(12);
          expect(order).toEqual(["begins", "ended", "begins"]);
          expect(report()).toMatchObject({ state: "Precopied", livePass: { number: 1 } });
        });

        test("lets none begin meanwhile", async () => {
          await waiting();
          cutOver("Sealed", OTHER, "node-c");
          await seconds(600);
          expect(passes()).toBe(1);
        });

        test("between other nodes changes nothing", async () => {
          await waiting();
          const order = following();
          cutOver("Sealed", "node-c", "node-d");
          await seconds(60);
          expect(order).toEqual(["begins"]);
        });
      });

      test("a pass spoils no very large file, alone among all passes, and its end is not the move's", async () => {
        await waiting();
        const before = report();
        moving.onReceive = () => Promise.reject(transferErrors.NOT_PATCHED({ path: "db", most: 1 }));
        await seconds(35);
        expect(passes()).toBe(2);
        expect(report()).toEqual(before);
        moving.onReceive = () => Promise.resolve();
        fence();
        sealed(1, { c: "newer" });
        await says("Copied");
        expect(moving.patchesAtMost).toEqual([undefined, 1024 ** 3, undefined]);
      });

      test("a source that is too old for it is asked seldom, and nothing is said", async () => {
        await waiting();
        const before = report();
        moving.refuses = ({ pass }) =>
          pass === undefined ? undefined : new Error("the move is Prepared, not Copying");
        await seconds(4 * 3600);
        // After half a minute, 5, 10, 20, 40, 60, 60 … more minutes.
        expect(passes()).toBe(1 + 7);
        expect(report()).toEqual(before);
        fence();
        sealed(1, { c: "newer" });
        await says("Copied");
      });

      test("there is none while much is open for writing, nor when the source does not tell", async () => {
        moving.figures = { ...FIGURES, toRead: 2 * 1024 ** 3 };
        copying();
        await says("Precopied", 0);
        phase("Prepared", 0);
        await seconds(3600);
        expect(passes()).toBe(1);
      });

      test("a new process of the agent begins a new pass", async () => {
        await waiting();
        await node.stop();
        node.disk.lose("/var/lib/mooring/.agent-passes/left");
        moving.remote = { d: "newest" };
        await node.start({ moving });
        await seconds(35);
        expect(passes()).toBe(2);
        expect(moving.requests[1]).not.toHaveProperty("base");
        expect(report()).toMatchObject({ state: "Precopied", livePass: { number: 2 } });
      });
    });

    test("no part of it is ever opened, whatever the volume says", async () => {
      copying();
      await says("Precopied", 0);
      place();
      await node.clock.advance(60_000);
      expect(copies()).toEqual([`${INCOMING} Incoming`]);
      await expect(published()).rejects.toThrow();
    });

    test("a pass that is under way ends before the final one begins", async () => {
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

    test("it brings everything again when the move is in Copying another time", async () => {
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

    test("an agent that was told to end leaves its passes to the next one, and one that crashed does not", async () => {
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

    test("it says why nothing can be brought", async () => {
      moving.onReceive = () => Promise.reject(new Error("no room on the disk"));
      copying();
      await says("Refused", 0);
      expect(receives()).toBe(3);
    });

    test("a volume that was never made has nothing to bring", async () => {
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

  test("says that it is full when not even the directory can be made", async () => {
    node.disk.makeDirectory = () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
    sealed();
    await says("Refused");
    expect(report()).toMatchObject({ role: "Target", code: "TRANSFER_TARGET_FULL" });
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

  test("opens no copy in which another process may write, and opens it when that has ended", async () => {
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
    await new CopyStore(node.disk, POOL, "any").arrived("pvc-1", 2, MOVE_UID);
    place();
    await node.eventually("it is open", () => copies().join() === "2 Active");
  });

  test("writes nothing into a copy that another process has completed and reported", async () => {
    moving.onReceive = () => Promise.reject(new Error("the connection broke"));
    sealed();
    for (let ms = 0; receives() === 0 && ms < 500; ms += 10) await node.clock.advance(10);
    expect(receives()).toBe(1);
    // The other process makes the copy and reports it while this one pauses.
    await new CopyStore(node.disk, POOL, "any").arrived("pvc-1", 2, MOVE_UID);
    const done = reportOf({ role: "Target", state: "Copied", digest: digestOf(DATA) });
    const object = node.copyOf("pvc-1");
    node.put(at.copy("pvc-1"), { ...object, status: { ...object?.status, move: done } } as KubeObject);
    moving.onReceive = () => Promise.resolve();
    await node.clock.advance(60_000);
    expect(receives()).toBe(1);
    expect(report()?.state).toBe("Copied");
  });

  test("begins anew after a restart in the middle, in the same directory", async () => {
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

  test("copies again for a new sealing, and waits for the end of the transfer before", async () => {
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

  test("ends the transfer of a move that is undone, and takes its directory over for the next", async () => {
    let ended = false;
    moving.onReceive = (signal) =>
      untilAborted(signal).finally(() => {
        ended = true;
      });
    sealed();
    await node.eventually("it is half there", () => receives() === 1);
    phase("Undoing");
    await node.eventually("the transfer has ended", () => ended);
    node.change("pvc-1", { fence: "uid-2", activeMove: { name: "move-2", uid: "uid-2" } });
    moving.onReceive = () => Promise.resolve();
    const second = volumeMove(OTHER, NODE, { phase: "Sealed", sealing: 1 });
    const status = { move: reportOf({ moveUID: "uid-2", digest: digestOf(DATA) }) };
    node.put(source, { metadata: { name: "s" }, spec: { volume: "pvc-1", nodeName: OTHER }, status } as KubeObject);
    node.put(`${API}/volumemoves/move-2`, { ...second, metadata: { name: "move-2", uid: "uid-2" } });
    await node.eventually("the next is there", () => report()?.moveUID === "uid-2" && report()?.state === "Copied");
    expect(copies()).toEqual(["2-uid-2 Incoming"]);
  });

  test("begins no second transfer of one sealing, at whatever request of a look the first one ends", async () => {
    await endAtEachRequest(sealed, ["Sealed"], () => says("Copied"));
  });

  test("says why when the copy cannot be brought", async () => {
    moving.onReceive = () => Promise.reject(new Error("no room on the disk"));
    sealed();
    await says("Refused");
    expect(report()?.message).toMatch(/no room on the disk/);
    expect(receives()).toBe(3);
  });

  test("does not open a copy before the volume is placed here, nor one of another move", async () => {
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
