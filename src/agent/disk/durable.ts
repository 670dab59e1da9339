/*
 * Changes small state files so that after a crash at any point a file has the old text or the new
 * text, and never a part.
 */
import { dirname } from "node:path";
import type { Disk } from "../../effects/disk.ts";

/** Suffix of the temporary file beside a state file. After a crash it is overwritten or removed. */
const TEMPORARY = ".new";

/**
 * Replaces a file's text. Durable when it resolves.
 *
 * A crash before the rename leaves the old text, and a temporary file that the next replacement
 * overwrites. A crash after the rename leaves the new text. A power cut before the directory was
 * synced leaves either.
 */
export async function replaceFile(disk: Disk, path: string, text: string): Promise<void> {
  await disk.write(path + TEMPORARY, text);
  await disk.rename(path + TEMPORARY, path);
  await disk.syncDirectory(dirname(path));
}

/**
 * Reserves the room for the next replacement by making its temporary file now. Without it, a copy
 * on a full disk could be neither moved away nor removed. This is best effort: a disk that is
 * already full has no room to reserve. It needs no sync, because the write already takes the room.
 */
export async function keepRoom(disk: Disk, path: string, text: string): Promise<void> {
  try {
    await disk.write(path + TEMPORARY, text, { sync: false });
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

/** Whether a write has failed because the disk, or a quota on it, is full. */
export function isFull(error: unknown): error is Error & { readonly code: "ENOSPC" | "EDQUOT" } {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}

/**
 * Whether the disk takes nothing more, or cannot be read: trying again does not help. ENOENT and
 * the like are no such errors: they come when something else changes the directories meanwhile.
 */
export function hasDiskFailed(error: unknown): error is Error {
  return isFull(error) || (error instanceof Error && FAILED.has((error as NodeJS.ErrnoException).code ?? ""));
}

/** EUCLEAN is what ext4, XFS and Btrfs say of damaged metadata. */
const FAILED: ReadonlySet<string> = new Set(["EIO", "EROFS", "ENODEV", "ENXIO", "ESTALE", "EUCLEAN"]);

/** Makes the directory if it does not exist. Durable when it resolves. */
export async function ensureDirectory(disk: Disk, path: string, mode: number): Promise<void> {
  const found = await disk.stat(path);
  if (found === undefined) await disk.makeDirectory(path, { mode });
  else if (found.kind !== "directory") throw new Error(`${path} is a ${found.kind} and not a directory`);
  // Also if the directory existed: a crash may have happened between making and syncing it.
  await disk.syncDirectory(dirname(path));
}

/** Removes a file and the temporary file of an interrupted replacement. */
export async function removeStateFile(disk: Disk, path: string): Promise<void> {
  for (const file of [path + TEMPORARY, path]) {
    if ((await disk.stat(file)) !== undefined) await disk.removeFile(file);
  }
}
