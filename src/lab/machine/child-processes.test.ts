import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ChildProcesses } from "./child-processes.ts";

let cwd: string;
const runner = new ChildProcesses();

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "mooring-children-"));
});
afterAll(async () => {
  runner.killAll();
  expect(await runner.ended()).toEqual([]);
  await rm(cwd, { recursive: true });
});

test("SIGTERM reaches the first process only: what it has started ends by itself", async () => {
  const child = "sh -c 'until [ -e go ]; do sleep 0.05; done'";
  const script = `trap 'echo asked' TERM; echo begun; ${child}; echo child $?`;
  const running = await runner.start({ argv: ["sh", "-c", script], env: {}, cwd });
  await expect.poll(() => running.output()).toBe("begun\n");
  running.kill("SIGTERM");
  await writeFile(join(cwd, "go"), "");
  expect(await running.exited).toBe(0);
  expect(running.output()).toBe("begun\nasked\nchild 0\n");
});

test("SIGKILL ends what it has started as well", async () => {
  const running = await runner.start({ argv: ["sh", "-c", "sleep 600 & echo $!; wait"], env: {}, cwd });
  await expect.poll(() => running.output()).toMatch(/^\d+\n$/);
  const child = Number(running.output());
  running.kill("SIGKILL");
  expect(await running.exited).toBe(137);
  // A process that has ended is there until the machine's first process has looked at it.
  await expect.poll(() => isAlive(child)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
