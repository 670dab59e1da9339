import { expect, test } from "vitest";
import { manualClock } from "../../../effects/testing/manual-clock.fixture.ts";
import { silentLog } from "../../../observe/log.ts";
import { endOrphans } from "./orphans.ts";

function start({ failures = 0, stop = new AbortController() } = {}) {
  const clock = manualClock();
  const done: string[] = [];
  let left = failures;
  const ended = endOrphans(
    {
      clock,
      log: silentLog,
      csi: {
        pods: () => ["here", "gone"],
        unpublishAll: (uid) => {
          left -= 1;
          if (left >= 0) return Promise.reject(new Error("busy"));
          done.push(`unpublish ${uid} at ${String(clock.monotonic())}`);
          return Promise.resolve();
        },
      },
      runtime: {
        pods: () => ["gone", "here"],
        killPodOf: (uid) => done.push(`kill ${uid} at ${String(clock.monotonic())}`),
      },
    },
    new Set(["here"]),
    stop.signal,
  );
  return { clock, done, ended };
}

test("volumes of pods that are gone are unpublished at once, their containers killed later", async () => {
  const { clock, done, ended } = start();
  const began = clock.monotonic();
  await clock.advance(3_000);
  await ended;
  expect(done).toEqual([`unpublish gone at ${String(began)}`, `kill gone at ${String(began + 3_000)}`]);
});

test("an unpublish that fails is tried again", async () => {
  const { clock, done, ended } = start({ failures: 2 });
  await clock.advance(500);
  await clock.advance(1_000);
  await clock.advance(1_500);
  await ended;
  expect(done.map((line) => line.split(" at ")[0])).toEqual(["unpublish gone", "kill gone"]);
});

test("a kubelet that ends leaves the rest to the next", async () => {
  const stop = new AbortController();
  const { done, ended } = start({ failures: 99, stop });
  stop.abort(new Error("killed"));
  await ended;
  expect(done).toEqual([]);
});
