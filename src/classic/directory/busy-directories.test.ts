import { describe, expect, it } from "vitest";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { BusyDirectories } from "./busy-directories.ts";
import { type Location, VolumeLocations } from "./locations.ts";
import { volume as persistentVolume } from "../testing/objects.fixture.ts";

const never = new AbortController().signal;
const location = (volume: string, path: string, node = "n"): Location => ({ volume, node, path });

function setUp() {
  const clock = manualClock();
  const index = new VolumeLocations();
  const busy = new BusyDirectories(clock, index);
  const order: string[] = [];
  const hold = async (at: Location, signal = never) => {
    const release = await busy.hold(at, signal);
    order.push(at.volume);
    return release;
  };
  return { clock, index, busy, order, hold };
}

describe("directories in work", () => {
  it("do not wait for each other when they do not overlap, or lie on different nodes", async () => {
    const { hold, order } = setUp();
    await hold(location("a", "/p/x"));
    await hold(location("b", "/p/y"));
    await hold(location("c", "/p/x", "m"));
    expect(order).toEqual(["a", "b", "c"]);
  });

  it("take turns when one is in the other, first come first served", async () => {
    const { hold, order } = setUp();
    const releaseA = await hold(location("a", "/p/x"));
    const b = hold(location("b", "/p"));
    const c = hold(location("c", "/p/x/y"));
    await settle();
    expect(order).toEqual(["a"]);
    releaseA();
    (await b)();
    await c;
    expect(order).toEqual(["a", "b", "c"]);
  });

  it("a shared file system is on every node", async () => {
    const { hold, order } = setUp();
    const release = await hold({ ...location("a", "/s/x"), node: undefined });
    const b = hold(location("b", "/s/x", "m"));
    await settle();
    expect(order).toEqual(["a"]);
    release();
    await b;
  });

  it("let go of a waiter that gives up, and of those behind it", async () => {
    const { hold, order } = setUp();
    await hold(location("a", "/p/x"));
    const gaveUp = new AbortController();
    const b = hold(location("b", "/p"), gaveUp.signal);
    const c = hold(location("c", "/p/y"));
    await settle();
    expect(order).toEqual(["a"]);
    gaveUp.abort(new Error("gone"));
    await expect(b).rejects.toThrow("gone");
    await c;
    expect(order).toEqual(["a", "c"]);
  });

  it("are remembered once made, until their PersistentVolume is in the index", async () => {
    const { hold, busy, index } = setUp();
    const release = await hold(location("a", "/p/x"));
    expect(busy.madeNear(location("b", "/p/x"))).toBeUndefined();
    busy.made("a");
    release();
    expect(busy.madeNear(location("b", "/p/x"))).toBe("a");
    expect(busy.madeNear(location("a", "/p/x"))).toBeUndefined();
    busy.stored("a");
    expect(busy.madeNear(location("b", "/p"))).toBe("a");
    index.set(persistentVolume({ name: "a", path: "/p/x" }));
    expect(busy.madeNear(location("b", "/p"))).toBeUndefined();
    await hold(location("b", "/p/x"));
  });

  it("are forgotten a minute after they were settled, whatever the watch says", async () => {
    const { clock, hold, busy } = setUp();
    const release = await hold(location("a", "/p/x"));
    busy.made("a");
    release();
    busy.stored("a");
    await clock.advance(60_001);
    expect(busy.madeNear(location("b", "/p/x"))).toBeUndefined();
  });
});

/**
 * Milliseconds that this process has worked: what the machine has given to others meanwhile is not
 * ours.
 */
function busyMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

describe("many directories in work", () => {
  it("eight thousand claims in work at once cost the event loop less than a lease can bear", async () => {
    const busy = new BusyDirectories(manualClock(), { has: () => false });
    const { signal } = new AbortController();
    const n = 8_000;
    const ends: (() => void)[] = [];
    const began = process.cpuUsage();
    for (let at = 0; at < n; at++) {
      ends.push(await busy.hold({ volume: `pvc-${at}`, node: `n${at % 4}`, path: `/opt/lpp/pvc-${at}_ns_c` }, signal));
    }

    for (let at = 0; at < n; at++) {
      busy.made(`pvc-${at}`);
      ends[at]?.();
      busy.stored(`pvc-${at}`);
    }
    expect(busyMs(began)).toBeLessThan(4_000);
  });

  it("two thousand claims that wait for one directory take their turns in no more", async () => {
    const busy = new BusyDirectories(manualClock(), { has: () => false });
    const { signal } = new AbortController();
    manyListeners(signal);
    const n = 2_000;
    const began = process.cpuUsage();
    const all = Array.from({ length: n }, async (_, at) => {
      const end = await busy.hold({ volume: `pvc-${at}`, node: "a", path: "/opt/lpp/common" }, signal);
      busy.made(`pvc-${at}`);
      end();
    });
    await Promise.all(all);
    expect(busyMs(began)).toBeLessThan(4_000);
  });
});
