import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { keepRunning } from "./keep-running.ts";
import { ManagedProcess } from "./process.ts";

/** Fails when it is started for the first time, and runs on when it is started again. */
async function failsOnce(): Promise<ManagedProcess> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-keep-running-"));
  const component = new ManagedProcess({
    name: "component",
    argv: ["sh", "-c", `[ -e ${directory}/tried ] && exec sleep 1000; touch ${directory}/tried; echo oh no; exit 3`],
    env: { PATH: process.env["PATH"] ?? "" },
    logFile: join(directory, "log"),
    forks: false,
  });
  onTestFinished(async () => {
    await component.kill();
    await rm(directory, { recursive: true, force: true });
  });
  return component;
}

test("a component that ends by itself is started again, and what it said is told", async () => {
  const component = await failsOnce();
  const told: string[] = [];
  const letEnd = keepRunning([component], (line) => told.push(line));
  await component.start();
  await expect.poll(() => told).toEqual(["component ended by itself (code 3): oh no", "component was started again"]);
  expect(component.running).toBe(true);
  await component.kill();
  await component.start();
  await component.stop();
  letEnd();
  expect(told).toHaveLength(2);
  expect(component.running).toBe(false);
});

test("nothing is started again once that is over", async () => {
  const component = await failsOnce();
  const told: string[] = [];
  const letEnd = keepRunning([component], (line) => told.push(line));
  letEnd();
  await component.start();
  await component.exited;
  expect(component.running).toBe(false);
  expect(told).toEqual([]);
});
