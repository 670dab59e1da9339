import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../../effects/files.ts";
import type { FileFacts } from "../checks/facts.ts";

/**
 * Reads the nodes' directories directly on this machine's disk, without asking the cluster.
 */

export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** The files directly in a directory, by name; empty when it is not there. */
export async function filesIn(directory: string): Promise<FileFacts[]> {
  const files: FileFacts[] = [];
  try {
    for (const name of (await readdir(directory)).toSorted()) {
      files.push({ name, bytes: (await lstat(join(directory, name))).size });
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return files;
}

/**
 * The journal of deploy/demo.yaml in a volume's directory, up to the last complete line, because a
 * pod may be writing it.
 */
export async function journalIn(directory: string | undefined): Promise<string | undefined> {
  if (directory === undefined) return undefined;
  try {
    const text = await readFile(join(directory, "journal"), "utf8");
    return text.slice(0, text.lastIndexOf("\n") + 1);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
