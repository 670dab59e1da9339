import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Ticks of /proc in a second (USER_HZ of every Linux that Node runs on). */
const TICKS = 100;

/**
 * User and system time, in seconds, that the processes in these pods have taken so far. The test
 * cluster's nodes share this machine's processes; a pod's have its name as their host name.
 */
export async function cpuSecondsOf(pods: ReadonlySet<string>): Promise<number> {
  let ticks = 0;
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    // A process that has ended meanwhile reads as empty.
    const text = async (name: string): Promise<string> => readFile(join("/proc", pid, name), "latin1").catch(() => "");
    const host = (await text("environ")).split("\0").find((line) => line.startsWith("HOSTNAME="));
    if (host !== undefined && pods.has(host.slice("HOSTNAME=".length))) ticks += ticksIn(await text("stat"));
  }
  return ticks / TICKS;
}

/** Field 14 and 15, counted after the command's name, which may hold anything. */
function ticksIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}
