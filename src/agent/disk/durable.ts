/*
 * Changes of small state files that survive a crash at any point: the old text or the new, never a
 * part.
 */
import { dirname } from "node:path";
import type { Disk } from "../../effects/disk.ts";

/**
 * What the temporary file beside a state file is called: what a crash leaves of it is overwritten
 * or removed.
 */
const TEMPORARY = ".new";

/**
 * Replaces a file's text. Durable when it resolves.
 *
 * A crash before the rename leaves the old text (and a temporary file that the next replacement
 * overwrites), a crash after it the new text; a power cut before the directory was synced, either.
 */
export async function replaceFile(disk: Disk, path: string, text: string): Promise<void> {
  await disk.write(path + TEMPORARY, text);
  await disk.rename(path + TEMPORARY, path);
  await disk.syncDirectory(dirname(path));
}

/**
 * Keeps as much room on the disk as the next replacement takes: its temporary file, made now. On a
 * full disk a copy could otherwise be neither moved away nor given up. Best effort: a disk that is
 * full already has none to keep. Room is taken by the write, so it needs no sync.
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

/** Makes the directory unless it is there. Durable when it resolves. */
export async function ensureDirectory(disk: Disk, path: string, mode: number): Promise<void> {
  const found = await disk.stat(path);
  if (found === undefined) await disk.makeDirectory(path, { mode });
  else if (found.kind !== "directory") throw new Error(`${path} is a ${found.kind} and not a directory`);
  // Also when it was there: the crash may have come between making and syncing it.
  await disk.syncDirectory(dirname(path));
}

/** Removes a file and what an interrupted replacement left beside it. */
export async function removeStateFile(disk: Disk, path: string): Promise<void> {
  for (const file of [path + TEMPORARY, path]) {
    if ((await disk.stat(file)) !== undefined) await disk.removeFile(file);
  }
}
