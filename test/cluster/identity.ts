import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * What belongs to one cluster can be found from its id alone, whoever looks and whatever has died
 * meanwhile:
 *
 * - one directory, `<temp dir>/mooring-cluster-<id>`, holds every file;
 * - every process started for it, besides the containers, has `MOORING_CLUSTER=<id>` in its
 *   environment, and all of them (containers too) live in one process namespace, whose end is
 *   theirs;
 * - network and mount namespaces have no names at all: they live as long as their processes;
 * - loop devices have files in that directory;
 * - cgroups are below `mooring-<id>` in each hierarchy.
 */
export interface ClusterIdentity {
  readonly id: string;
  readonly directory: string;
  readonly cgroup: string;
}

/** The mark in the environment of every process of a cluster. */
export const MARK = "MOORING_CLUSTER";

const PREFIX = "mooring-cluster-";

/** The identity for an id, whether such a cluster exists or not. */
export function identityOf(id: string): ClusterIdentity {
  return { id, directory: join(tmpdir(), `${PREFIX}${id}`), cgroup: `mooring-${id}` };
}

/** A new identity, its directory made, owned by this process. */
export async function claimIdentity(): Promise<ClusterIdentity> {
  const identity = identityOf(randomBytes(4).toString("hex"));
  // mkdir without `recursive` fails when the directory is there: an id is never shared.
  await mkdir(identity.directory, { mode: 0o711 });
  const owner = { pid: process.pid, startTime: startTimeOf(process.pid), pids: pidNamespace() };
  await writeFile(join(identity.directory, "owner.json"), JSON.stringify(owner));
  return identity;
}

/** Clusters whose runner is dead, for instance because the watchdog was killed with it. */
export async function orphanedClusters(): Promise<ClusterIdentity[]> {
  const orphans: ClusterIdentity[] = [];
  for (const name of await readdir(tmpdir())) {
    if (!/^mooring-cluster-[0-9a-f]{8}$/.test(name)) continue;
    const identity = identityOf(name.slice(PREFIX.length));
    const text = await readFile(join(identity.directory, "owner.json"), "utf8").catch(() => undefined);
    // No file yet: its runner is just making it.
    if (text === undefined || text === "") continue;
    const owner = JSON.parse(text) as { pid: number; startTime: string; pids: string };
    // Another container may share this temp dir: its process numbers say nothing here.
    if (owner.pids !== pidNamespace()) continue;
    if (startTimeOf(owner.pid) !== owner.startTime) orphans.push(identity);
  }
  return orphans;
}

function pidNamespace(): string {
  return readlinkSync("/proc/self/ns/pid");
}

/**
 * When a process started, in clock ticks since boot: with the pid it names one process for ever.
 */
export function startTimeOf(pid: number): string | undefined {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; start time is field 22, the 20th after it.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Ids of the processes that carry the cluster's mark, as this process sees them. */
export async function markedProcesses(id: string): Promise<number[]> {
  const mark = `${MARK}=${id}`;
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // A process that ends while we look has no environment any more, nor has a kernel thread.
    const environment = await readFile(`/proc/${name}/environ`, "utf8").catch(() => "");
    if (environment.split("\0").includes(mark)) found.push(Number(name));
  }
  return found;
}
