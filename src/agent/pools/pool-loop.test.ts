import { expect, test } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import { silentLog } from "../../observe/log.ts";
import { RENEW_MS } from "./pools.ts";
import { runPoolLoop, type PoolLoopDeps } from "./pool-loop.ts";

test("every volume is looked at when pools differ, and else every minute, however often the Node changes", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  let pools: readonly object[] = [];
  let nodeChanges: () => void = () => undefined;
  const told: boolean[] = [];
  const deps = {
    clock,
    log: silentLog,
    pools: { refresh: async () => undefined, all: () => pools, untilRenewalMs: () => RENEW_MS },
    definitions: { onChange: () => () => undefined },
    nodes: {
      onChange: (handler: () => void) => {
        nodeChanges = handler;
        return () => undefined;
      },
    },
    queue: new WorkQueue({ clock }, { name: "pools" }),
    looked: (all: boolean) => told.push(all),
  };
  const running = runPoolLoop(deps as unknown as PoolLoopDeps, stop.signal);
  /** What a round tells after a change of the Node. */
  const round = async (found: readonly object[]): Promise<readonly boolean[]> => {
    pools = found;
    nodeChanges();
    await clock.advance(1_000);
    return told.splice(0);
  };
  const pool = (ready: boolean) => ({ name: "default", path: "/p", status: { ready, uuid: "u" } });
  await clock.advance(0);
  expect(told.splice(0)).toEqual([true]);
  expect(await round([])).toEqual([false]);
  expect(await round([pool(false)])).toEqual([true]);
  for (let change = 0; change < 10; change += 1) expect(await round([pool(false)])).toEqual([false]);
  expect(await round([pool(true)])).toEqual([true]);
  await clock.advance(2 * RENEW_MS);
  expect(told.splice(0)).toContain(true);
  stop.abort(new Error("the test is over"));
  await running;
});
