import type { Log } from "../../observe/log.ts";
import type { OnDisk } from "./on-disk.ts";

/**
 * Calls `work` for each volume on the disks, one after the other, until the signal is aborted. A
 * failure for one volume (a damaged copy, a broken disk) is logged with the message `failed`, and
 * the next volume follows. Rejects only when the volumes cannot be listed.
 */
export async function eachVolume(
  { log, onDisk }: { readonly log: Log; readonly onDisk: OnDisk },
  failed: string,
  work: (volume: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (const volume of await onDisk.volumes()) {
    if (signal.aborted) return;
    try {
      await work(volume);
    } catch (error) {
      if (!signal.aborted) log.error(failed, { volume, err: error });
    }
  }
}
