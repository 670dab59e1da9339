import { readdir, readFile } from "node:fs/promises";

/**
 * The variable by which a process is known to have been started, however indirectly, by a container
 * of a lab.
 */
export const CONTAINER_VARIABLE = "MOORING_LAB_CONTAINER";

/**
 * Processes of this user with a value of the variable that begins with `marker`: processes that a
 * container has started, including those that have left its process group (`setsid`, daemons).
 * Without /proc none is ever found.
 */
export async function stragglers(marker: string): Promise<readonly number[]> {
  const names = await readdir("/proc").catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map(async (name) => {
        // Of other users it cannot be read, and of a process that is ending there is none.
        const text = await readFile(`/proc/${name}/environ`, "latin1").catch(() => "");
        return text.split("\0").some((line) => line.startsWith(`${CONTAINER_VARIABLE}=${marker}`))
          ? [Number(name)]
          : [];
      }),
  );
  return found.flat();
}

/**
 * Eight seconds: on a busy machine a process that was killed may have to wait for a processor to
 * end on.
 */
const ROUNDS = 40;

/**
 * Kills them, and those that they start meanwhile. Resolves with those that are still there after a
 * while.
 */
export async function killStragglers(marker: string): Promise<readonly number[]> {
  let left: readonly number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    left = await stragglers(marker);
    if (left.length === 0) return left;
    for (const pid of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 10 * round));
  }
  return left;
}
