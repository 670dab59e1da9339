import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { runController, TerminalError, type ControllerSpec } from "./controller.ts";
import { KubeMetrics } from "../metrics.ts";
import { recordingLog } from "../testing/recording-log.fixture.ts";
import { WorkQueue } from "./work-queue.ts";

function start(spec: Partial<ControllerSpec> & Pick<ControllerSpec, "reconcile">) {
  const clock = manualClock();
  const log = recordingLog();
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  const queue = new WorkQueue({ clock }, { name: "test" });
  const stop = new AbortController();
  let ended = false;
  const running = runController(
    { clock, log, metrics },
    { name: "test", queue, workers: 2, ...spec },
    stop.signal,
  ).then(() => {
    ended = true;
  });
  const outcomes = async (): Promise<Record<string, number>> => {
    const metric = await registry.getSingleMetric("controller_runtime_reconcile_total")?.get();
    return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [String(labels["result"]), value]));
  };
  return { clock, log, queue, stop, running, outcomes, ended: () => ended };
}

describe("runController", () => {
  it("never has two workers on one key, and reconciles again what was added meanwhile", async () => {
    const now = new Map<string, number>();
    const began: string[] = [];
    let most = 0;
    const t = start({
      workers: 3,
      reconcile: async (key) => {
        began.push(key);
        now.set(key, (now.get(key) ?? 0) + 1);
        expect(now.get(key)).toBe(1);
        most = Math.max(
          most,
          [...now.values()].reduce((a, b) => a + b),
        );
        await t.clock.sleep(100);
        now.set(key, 0);
      },
    });
    for (const key of ["a", "b", "c", "d"]) t.queue.add(key);
    await t.clock.advance(50);
    t.queue.add("a");
    t.queue.add("a");
    await t.clock.advance(1000);
    expect(began).toEqual(["a", "b", "c", "d", "a"]);
    expect(most).toBe(3);
    t.stop.abort();
    await t.running;
  });

  it("logs, counts and retries with back-off what throws, asynchronously or at once", async () => {
    const at: number[] = [];
    const t = start({
      reconcile: (key) => {
        at.push(t.clock.monotonic());
        if (at.length === 1) throw new Error("at once");
        if (at.length === 2) return Promise.reject(new Error("later"));
        expect(key).toBe("a");
        return Promise.resolve();
      },
    });
    t.queue.add("a");
    await t.clock.advance(1000);
    expect(at).toEqual([0, 5, 15]);
    expect(t.queue.retries("a")).toBe(0);
    expect(t.log.lines.map(({ level, msg, fields }) => [level, msg, fields["key"], fields["failures"]])).toEqual([
      ["error", "reconcile failed", "a", 1],
      ["error", "reconcile failed", "a", 2],
    ]);
    expect(await t.outcomes()).toEqual({ error: 2, success: 1 });
    t.stop.abort();
    await t.running;
  });

  it("leaves a key alone after a TerminalError, until it is added again", async () => {
    let calls = 0;
    const t = start({
      reconcile: () => {
        calls++;
        return Promise.reject(new TerminalError("no such thing"));
      },
    });
    t.queue.add("a");
    await t.clock.advance(3_600_000);
    expect(calls).toBe(1);
    expect(t.queue.retries("a")).toBe(0);
    t.queue.add("a");
    await t.clock.advance(0);
    expect(calls).toBe(2);
    expect(await t.outcomes()).toEqual({ terminal_error: 2 });
    t.stop.abort();
    await t.running;
  });

  it("comes back after requeueAfterMs and forgets the failures before", async () => {
    const at: number[] = [];
    const t = start({
      reconcile: () => {
        at.push(t.clock.monotonic());
        if (at.length === 1) return Promise.reject(new Error("once"));
        return Promise.resolve(at.length < 4 ? { requeueAfterMs: 1000 } : undefined);
      },
    });
    t.queue.add("a");
    await t.clock.advance(10_000);
    expect(at).toEqual([0, 5, 1005, 2005]);
    t.stop.abort();
    await t.running;
  });

  it("aborts a reconcile that takes longer than its time, and tries again", async () => {
    let calls = 0;
    const t = start({
      timeoutMs: 1000,
      reconcile: async (_key, signal) => {
        if (++calls === 1) await t.clock.sleep(60_000, signal);
      },
    });
    t.queue.add("a");
    await t.clock.advance(999);
    expect(calls).toBe(1);
    await t.clock.advance(10);
    expect(calls).toBe(2);
    expect(t.log.lines[0]?.fields["err"]).toMatchObject({ name: "TimeoutError" });
    expect(t.clock.pending).toBe(0);
    t.stop.abort();
    await t.running;
  });

  it("stops by aborting the running reconciles and ends only when they have; what was interrupted stays in the queue", async () => {
    const t = start({
      workers: 1,
      reconcile: async (_key, signal) => {
        await t.clock.sleep(60_000, signal).catch(() => undefined);
        await t.clock.sleep(500);
        signal.throwIfAborted();
      },
    });
    t.queue.add("a");
    t.queue.add("b");
    await t.clock.advance(10);
    t.stop.abort();
    await t.clock.advance(499);
    expect(t.ended()).toBe(false);
    await t.clock.advance(1);
    expect(t.ended()).toBe(true);
    expect(t.queue.length).toBe(2);
    expect(t.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("ends when the queue is shut down and empty", async () => {
    const done: string[] = [];
    const t = start({
      reconcile: (key) => {
        done.push(key);
        return Promise.resolve();
      },
    });
    t.queue.add("a");
    t.queue.shutDown();
    await t.running;
    expect(done).toEqual(["a"]);
  });
});
