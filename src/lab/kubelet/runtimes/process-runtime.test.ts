import { expect, test } from "vitest";
import { manualClock, settle } from "../../../effects/testing/manual-clock.fixture.ts";
import { silentLog } from "../../../observe/log.ts";
import { MemoryNodeFiles } from "../memory-node-files.ts";
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
  const files = new RootedFiles();
  const runtime = new ProcessRuntime(
    { clock, log: silentLog, runner },
    { timeline: (line) => void timeline.push(line) },
  );
  const run = (image: string, command: string[], env: Record<string, string> = {}): ContainerRun => ({
    pod: {
      metadata: { name: "p", namespace: "default", uid: "u" },
      spec: { containers: [], volumes: [{ name: "data" }, { name: "scripts", configMap: { name: "scripts" } }] },
    },
    container: {
      name: "main",
      image,
      command,
      volumeMounts: [
        { name: "data", mountPath: "/data" },
        { name: "scripts", mountPath: "/scripts" },
      ],
    },
    restarts: 0,
    mounts: [
      { mountPath: "/data", source: "/opt/v", readOnly: false },
      { mountPath: "/scripts", source: "/conf", readOnly: true },
    ],
    env,
    files,
  });
  return { clock, started, signals, timeline, runtime, run, files, end: (code: number) => end(code) };
}

test("a script runs on the node's directory instead of its mounts, and its output is the container's log", async () => {
  const { runtime, run, started, end } = start();
  const handle = await runtime.start(run("busybox:1", ["/bin/sh", "-c", 'mkdir "$DIR"'], { DIR: "/data/x" }));
  expect(started).toEqual([
    {
      argv: ["/bin/sh", "-c", 'mkdir "$DIR"'],
      env: { HOSTNAME: "p", DIR: "/home/me/a/opt/v/x" },
      cwd: "/home/me/a/var/lib/kubelet/pods/u/root/main",
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

test("a container works in a directory of its own, unless it says which of its mounts'", async () => {
  const { runtime, run, started } = start();
  const cwd = async (workingDir?: string) => {
    const one = run("busybox", ["pwd"]);
    await runtime.start({
      ...one,
      container: { ...one.container, ...(workingDir === undefined ? {} : { workingDir }) },
    });
    return started.at(-1)?.cwd;
  };
  const own = "/home/me/a/var/lib/kubelet/pods/u/root/main";
  expect(await cwd()).toBe(own);
  expect(await cwd("/tmp")).toBe(`${own}/tmp`);
  expect(await cwd("/usr")).toBe(`${own}/usr`);
  expect(await cwd("/data/x/")).toBe("/home/me/a/opt/v/x");
  const before = started.length;
  await cwd("/../../etc");
  expect(started).toHaveLength(before);
});

test("scripts of a ConfigMap are looked at and rewritten wherever they are named, also by each other; data is not", async () => {
  const { runtime, run, started, files, timeline } = start();
  await files.makeDirectories("/conf");
  await files.makeDirectories("/opt/v");
  await files.writeText("/opt/v/list", "/data/x /etc/passwd\n");
  await files.writeText("/conf/run.sh", ". /scripts/lib.sh\nwork\n");
  await files.writeText("/conf/lib.sh", "work() { echo x > /data/x; }\n");
  await runtime.start(run("busybox", ["sh", "-c", "sh /scripts/run.sh; cat /data/list"]));
  const copies = "/var/lib/kubelet/pods/u/scripts/main";
  expect(started[0]?.argv).toEqual(["sh", "-c", `sh /home/me/a${copies}/0; cat /home/me/a/opt/v/list`]);
  expect(await files.readText(`${copies}/0`)).toBe(`. /home/me/a${copies}/1\nwork\n`);
  expect(await files.readText(`${copies}/1`)).toBe("work() { echo x > /home/me/a/opt/v/x; }\n");

  await files.writeText("/conf/lib.sh", "work() { echo x > /etc/x; }\n");
  await runtime.start(run("busybox", ["sh", "-c", "sh /scripts/run.sh"]));
  expect(started).toHaveLength(1);
  expect(timeline.at(-1)).toContain("the script names /etc/x");
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
