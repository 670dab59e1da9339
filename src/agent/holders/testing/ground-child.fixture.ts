/*
 * The program inside of a ground: does what the lines of its input say, and looks for holders of a
 * directory.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { systemClock } from "../../../effects/node/clock.ts";
import { systemHolders } from "../node/system-holders.ts";
import type { Reply, Request } from "./ground.fixture.ts";

const holders = systemHolders({ clock: systemClock(), thread: pathToFileURL(process.argv[2] ?? "") });
const started = new Map<number, ChildProcess>();

async function start([file = "", ...args]: readonly string[]): Promise<number> {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"], detached: true });
  const [line] = (await Promise.race([once(child.stdout, "data"), once(child, "exit")])) as unknown[];
  if (!Buffer.isBuffer(line) || child.pid === undefined) throw new Error(`${file} has ended`);
  child.stdout.destroy();
  started.set(child.pid, child);
  return child.pid;
}

async function end(pid: number): Promise<void> {
  const child = started.get(pid);
  if (child === undefined) throw new Error(`no process ${String(pid)} was started`);
  started.delete(pid);
  const ended = once(child, "exit");
  // The whole group: `unshare --fork` leaves a child.
  process.kill(-pid, "SIGKILL");
  await ended;
}

async function endAll(): Promise<void> {
  for (const pid of started.keys()) await end(pid);
}

async function run(request: Request): Promise<unknown> {
  if ("of" in request) return holders.of(request.of, request.ignored);
  if ("start" in request) return start(request.start);
  if ("end" in request) return request.end === "all" ? endAll() : end(request.end);
  const { stdout } = await promisify(execFile)("sh", ["-ec", request.sh]);
  return stdout.trimEnd();
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply: Reply;
  try {
    reply = { value: (await run(JSON.parse(line) as Request)) ?? null };
  } catch (error) {
    reply = { error: `${String((error as { code?: unknown }).code)}: ${String(error)}` };
  }
  console.log(JSON.stringify(reply));
}
await endAll();
process.exit(0);
