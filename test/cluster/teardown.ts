import { existsSync, readFileSync, readdirSync } from "node:fs";
import { readFile, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { hierarchies } from "./cgroups.ts";
import { markedProcesses, startTimeOf, type ClusterIdentity } from "./identity.ts";
import { detachLoopDevices, loopDevicesBelow } from "./loop-devices.ts";
import { must } from "./run.ts";
import { waitFor } from "./wait.ts";

/**
 * Takes down everything of a cluster: processes, mounts, namespaces, loop devices, cgroups,
 * directory. It needs nothing but the identity, may run any number of times and beside itself (the
 * runner and its watchdog may both be at it), and touches nothing that does not carry the cluster's
 * id.
 */
export async function tearDown(identity: ClusterIdentity): Promise<void> {
  await killProcesses(identity);
  await unmountBelow(identity.directory);
  await detachLoopDevices(identity.directory);
  await removeCgroups(identity);
  await waitFor(
    `${identity.directory} to be removed`,
    async () => {
      await rm(identity.directory, { recursive: true, force: true });
      return true;
    },
    { timeoutMs: 120_000 },
  );
}

/** What is left of a cluster, in words; empty when nothing is. */
export async function remains(identity: ClusterIdentity): Promise<string[]> {
  const left: string[] = [];
  for (const pid of await markedProcesses(identity.id)) left.push(`process ${pid}`);
  for (const mount of await mountsNaming(identity)) left.push(`mount ${mount}`);
  for (const { device, file } of await loopDevicesBelow(identity.directory)) left.push(`${device} with ${file}`);
  for (const directory of await cgroupsOf(identity)) left.push(`cgroup ${directory}`);
  if (existsSync(identity.directory)) left.push(`directory ${identity.directory}`);
  return left;
}

/**
 * Killing the first process of a process namespace makes the kernel kill all others in it,
 * containers too, and with the last process its network and mount namespaces go. The loop is for
 * processes that were just being started.
 */
async function killProcesses(identity: ClusterIdentity): Promise<void> {
  const killed = new Map<number, string | undefined>();
  await waitFor(
    `the processes of cluster ${identity.id} to end`,
    async (saw) => {
      const pids = (await markedProcesses(identity.id)).filter((pid) => pid !== process.pid);
      saw(pids);
      for (const pid of pids) {
        killed.set(pid, startTimeOf(pid));
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It ended by itself.
        }
      }
      // A dying process has no environment any more but still holds its namespaces: it has to have
      // died.
      const dying = [...killed].filter(([pid, startTime]) => startTimeOf(pid) === startTime && !isZombie(pid));
      return pids.length === 0 && dying.length === 0 ? true : undefined;
    },
    { timeoutMs: 120_000, everyMs: 30 },
  );
}

/**
 * Dead with all its threads: it holds nothing, and only waits for its parent, whose pace is not
 * ours, to look.
 */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z") && readdirSync(`/proc/${pid}/task`).length <= 1;
  } catch {
    return true;
  }
}

async function mountsBelow(directory: string): Promise<string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mountPoint) => mountPoint === directory || mountPoint.startsWith(`${directory}/`));
}

/**
 * A cluster mounts nothing in the namespace of its runner; a story that did so is cleaned up after
 * here.
 */
async function unmountBelow(directory: string): Promise<void> {
  for (const mountPoint of (await mountsBelow(directory)).reverse()) await must(["umount", "-l", mountPoint]);
}

/** Mounts anywhere, in the mount namespace of any process, that name the cluster's directory. */
async function mountsNaming(identity: ClusterIdentity): Promise<string[]> {
  const found = new Set<string>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const table = await readFile(`/proc/${name}/mountinfo`, "utf8").catch(() => "");
    for (const line of table.split("\n"))
      if (line.includes(identity.directory)) found.add(`of process ${name}: ${line}`);
  }
  return [...found];
}

/** The cluster's cgroup in every hierarchy that has it. */
async function cgroupsOf(identity: ClusterIdentity): Promise<string[]> {
  return (await hierarchies())
    .map(({ directory }) => join(directory, identity.cgroup))
    .filter((directory) => existsSync(directory));
}

async function removeCgroups(identity: ClusterIdentity): Promise<void> {
  for (const directory of await cgroupsOf(identity)) await removeCgroup(directory);
}

/** Removes a cgroup and those below it; busy for a moment after the last process in it has died. */
export async function removeCgroup(directory: string): Promise<void> {
  await waitFor(
    `cgroup ${directory} to be removed`,
    async () => {
      await removeCgroupTree(directory);
      return true;
    },
    { timeoutMs: 120_000, everyMs: 30 },
  );
}

async function removeCgroupTree(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeCgroupTree(join(directory, entry.name));
  }
  await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
