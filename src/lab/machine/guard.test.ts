import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Guard } from "./guard.ts";

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A process group that runs until it is killed. */
function group(): { readonly id: number; isAlive(): boolean } {
  const child = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
  let alive = true;
  child.once("exit", () => {
    alive = false;
  });
  ends.push(() => {
    if (alive) child.kill("SIGKILL");
  });
  return { id: child.pid ?? 0, isAlive: () => alive };
}

test("a guard that is left alone kills what was not taken off, removes the directory, and ends", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mooring-guard-"));
  ends.push(() => rm(directory, { recursive: true, force: true }));
  const [first, second, third] = [group(), group(), group()];
  const guard = new Guard(directory);
  for (const { id } of [first, second, third]) guard.add(id);
  guard.remove(second.id);
  guard.abandon();
  await expect.poll(() => [first.isAlive(), third.isAlive(), existsSync(directory)]).toEqual([false, false, false]);
  expect(second.isAlive()).toBe(true);
});

test("a guard that is closed touches nothing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mooring-guard-"));
  ends.push(() => rm(directory, { recursive: true, force: true }));
  const running = group();
  const guard = new Guard(directory);
  guard.add(running.id);
  await guard.close();
  expect([running.isAlive(), existsSync(directory)]).toEqual([true, true]);
});
