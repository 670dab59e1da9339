// Live passes while a move waits in Prepared.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MovePhase } from "../../api/kinds/volume-move.ts";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { NODE, TestNode } from "../testing/agent.fixture.ts";
import { MemoryMoving, untilAborted, volumeMove } from "../testing/moving.fixture.ts";
import { API, DATA, INCOMING, OTHER, targetOfMove, VOLUME } from "../testing/target-of-move.fixture.ts";
import { transferErrors } from "../transfer/errors.ts";

let node: TestNode;
let moving: MemoryMoving;
const { copying, fence, whole, phase, prepare, report, sealed, says } = targetOfMove(() => ({ node, moving }));
beforeEach(async () => {
  node = new TestNode();
  moving = new MemoryMoving(node.disk);
  await node.start({ moving });
  prepare();
});
afterEach(() => node.stop());

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

test("another pass copies what the pod has written, and the report stays Precopied", async () => {
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
  expect(await whole()).toBeUndefined();
  expect(report()).toMatchObject({ state: "Precopied", sealing: 0, livePass: { number: 2, sent: 18 } });
  expect(report()?.digest).toBeUndefined();
  expect(said).toEqual(new Set(["Precopied"]));
});

test("passes become rare while they have little to send", async () => {
  await waiting();
  await seconds(3600);
  // After half a minute, 1, 2, 4, 8, 10 … more minutes.
  expect(passes()).toBe(1 + 9);
});

test("the fence ends a pass at once, and the final pass copies everything", async () => {
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

test("after a pass that finds no records any more, one that copies everything begins soon", async () => {
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

  test("that comes again and again breaks a pass less and less often", async () => {
    await waiting();
    const order = following();
    await seconds(35);
    for (const [index, pauseSeconds] of [60, 120, 240].entries()) {
      expect(order).toHaveLength(2 * index + 1);
      cutOver("Sealed", OTHER, "node-c");
      await node.clock.advance(0);
      cutOver("Done", OTHER, "node-c");
      await seconds(pauseSeconds - 15);
      expect(order).toHaveLength(2 * index + 2);
      await seconds(30);
    }
    expect(order).toHaveLength(7);
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

test("a source that is too old for it is asked rarely, and nothing is reported", async () => {
  await waiting();
  const before = report();
  moving.refuses = ({ pass }) => (pass === undefined ? undefined : new Error("the move is Prepared, not Copying"));
  await seconds(4 * 3600);
  // After half a minute, 5, 10, 20, 40, 60, 60 … more minutes.
  expect(passes()).toBe(1 + 7);
  expect(report()).toEqual(before);
  fence();
  sealed(1, { c: "newer" });
  await says("Copied");
});

test("there is none while much is open for writing, or when the source does not report that", async () => {
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
