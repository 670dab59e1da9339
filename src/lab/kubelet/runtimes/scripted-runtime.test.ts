import { expect, test } from "vitest";
import { manualClock } from "../../../effects/testing/manual-clock.fixture.ts";
import { recordingLog } from "../../../kube/testing/recording-log.fixture.ts";
import type { ContainerRun } from "./runtime.ts";
import { ScriptedRuntime } from "./scripted-runtime.ts";

test("the start of a container that never starts ends with its pod, also when that was stopped before", async () => {
  const runtime = new ScriptedRuntime({ clock: manualClock(), log: recordingLog() }, () => ({
    does: "never-starts",
  }));
  const stop = new AbortController();
  const before = runtime.start({} as ContainerRun, stop.signal);
  stop.abort(new Error("stopped"));
  await expect(before).rejects.toThrow("stopped");
  await expect(runtime.start({} as ContainerRun, stop.signal)).rejects.toThrow("stopped");
});
