import { readFile } from "node:fs/promises";

/** A mounted cgroup hierarchy. */
export interface Hierarchy {
  readonly directory: string;
  readonly version: 1 | 2;
}

/** The cgroup hierarchies of this machine: one on a cgroup v2 machine, about ten on v1. */
export async function hierarchies(): Promise<Hierarchy[]> {
  return parseHierarchies(await readFile("/proc/self/mountinfo", "utf8"));
}

/** Reads them from the text of a mountinfo file. */
export function parseHierarchies(mountinfo: string): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of mountinfo.split("\n")) {
    // Optional fields come before a lone hyphen, the type of the file system right after it.
    const [before = "", after = ""] = line.split(" - ");
    const directory = before.split(" ")[4];
    const type = after.split(" ")[0];
    if (directory === undefined || (type !== "cgroup" && type !== "cgroup2")) continue;
    found.push({ directory, version: type === "cgroup2" ? 2 : 1 });
  }
  return found;
}
