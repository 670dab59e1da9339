import { expect, test } from "vitest";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { MemoryNodeFiles } from "./memory-node-files.ts";
import { ProcessRuntime, type ProcessRunner } from "./process-runtime.ts";
import type { ContainerRun } from "./runtime.ts";

class RootedFiles extends MemoryNodeFiles {
  override onMachine(path: string): string {
    return `/home/me/a${path}`;
  }
}

function start() {
  const clock = manualClock();
  const started: Parameters<ProcessRunner["start"]>[0][] = [];
  const signals: string[] = [];
  const timeline: string[] = [];
  let end: (code: number) => void = () => undefined;
  const runner: ProcessRunner = {
    start: (spec) => {
      started.push(spec);
      const exited = new Promise<number>((resolve) => {
        end = resolve;
      });
      return Promise.resolve({ exited, output: () => "hello\n", kill: (signal) => void signals.push(signal) });
    },
  };
  const runtime = new ProcessRuntime(
    { clock, log: silentLog, runner },
    { timeline: (line) => void timeline.push(line) },
  );
  const run = (image: string, command: string[], env: Record<string, string> = {}): ContainerRun => ({
    pod: { metadata: { name: "p", namespace: "default", uid: "u" } },
    container: { name: "main", image, command },
    restarts: 0,
    mounts: [{ mountPath: "/data", source: "/opt/v", readOnly: false }],
    env,
    files: new RootedFiles(),
  });
  return { clock, started, signals, timeline, runtime, run, end: (code: number) => end(code) };
}

test("a script runs on the node's directory instead of its mounts, and its output is the container's log", async () => {
  const { runtime, run, started, end } = start();
  const handle = await runtime.start(run("busybox:1", ["/bin/sh", "-c", 'mkdir "$DIR"'], { DIR: "/data/x" }));
  expect(started).toEqual([
    {
      argv: ["/bin/sh", "-c", 'mkdir "$DIR"'],
      env: { HOSTNAME: "p", DIR: "/home/me/a/opt/v/x" },
      cwd: "/home/me/a/opt/v",
    },
  ]);
  end(0);
  await settle();
  expect(handle.exit?.code).toBe(0);
  expect(runtime.log("default/p", undefined)).toBe("hello\n");
});

test("a script that names other data is not run: its container fails and the timeline says why", async () => {
  const { runtime, run, started, timeline } = start();
  const handle = await runtime.start(run("busybox", ["/bin/sh", "-c", "rm -rf /var/lib/x"]));
  expect(started).toEqual([]);
  expect(handle.exit).toMatchObject({ code: 128, reason: "StartError" });
  expect(timeline[0]).toContain("default/p/main: not started: the script names /var/lib/x");
});

test("an image that cannot be played is Ready and does nothing, and the timeline says so", async () => {
  const { runtime, run, started, timeline } = start();
  const handle = await runtime.start(run("example.com/database:7", ["/db"]));
  expect(started).toEqual([]);
  expect(handle.exit).toBeUndefined();
  expect(timeline).toEqual(["default/p/main: example.com/database:7 is not played, it is Ready and does nothing"]);
});

test("a program that does not heed SIGTERM is killed when its grace has passed", async () => {
  const { runtime, run, clock, signals } = start();
  const handle = await runtime.start(run("busybox", ["/bin/sleep", "1000"]));
  handle.stop(5_000);
  await clock.advance(4_000);
  expect(signals).toEqual(["SIGTERM"]);
  await clock.advance(1_000);
  expect(signals).toEqual(["SIGTERM", "SIGKILL"]);
});
