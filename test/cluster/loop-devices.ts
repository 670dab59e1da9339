import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SYSTEM_PATH } from "./packages.ts";
import { run } from "./run.ts";
import { waitFor } from "./wait.ts";

/** A loop device and the file behind it. */
export interface LoopDevice {
  readonly device: string;
  readonly file: string;
}

/**
 * The loop devices whose files lie below a directory, files that were deleted meanwhile included.
 */
export async function loopDevicesBelow(directory: string): Promise<LoopDevice[]> {
  const found: LoopDevice[] = [];
  for (const name of await readdir("/sys/block").catch(() => [])) {
    if (!/^loop\d+$/.test(name)) continue;
    // A device without a file has no such entry.
    const text = await readFile(join("/sys/block", name, "loop/backing_file"), "utf8").catch(() => "");
    const file = text.trimEnd().replace(/ \(deleted\)$/, "");
    if (file.startsWith(`${directory}/`)) found.push({ device: `/dev/${name}`, file });
  }
  return found;
}

/**
 * Waits until no loop device has a file below a directory; the kernel lets go a moment after the
 * last unmount.
 */
export async function waitUntilDetached(directory: string): Promise<void> {
  await waitFor(
    `the loop devices of ${directory} to be detached`,
    async (saw) => {
      const left = await loopDevicesBelow(directory);
      saw(left);
      return left.length === 0 ? true : undefined;
    },
    { timeoutMs: 60_000, everyMs: 20 },
  );
}

/**
 * Detaches the loop devices whose files lie below a directory. One that is still mounted goes with
 * its last mount.
 */
export async function detachLoopDevices(directory: string): Promise<void> {
  const env = { PATH: SYSTEM_PATH };
  for (const { device } of await loopDevicesBelow(directory)) await run(["losetup", "--detach", device], { env });
  await waitUntilDetached(directory);
}
