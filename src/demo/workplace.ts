import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Guard } from "../lab/index.ts";
import { messageOf } from "../observe/errors.ts";
import { demoErrors } from "./errors.ts";

/**
 * The demo's own directory: the nodes, and the kubeconfig of an administrator who can run commands
 * as this user.
 */
export interface Workplace {
  readonly directory: string;
  /**
   * Removes the directory, and ends the lab's processes, when this process dies before `remove` or
   * `removeNow`.
   */
  readonly guard: Guard;
  /** Why it is not below the directory for temporary files that the environment names. */
  readonly remark: string | undefined;
  /** Writes a file that only this user may read. */
  write(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
  /** The same for a process that is ending and cannot wait. */
  removeNow(): void;
}

/**
 * Makes it below the machine's temporary directory (rejects with DEMO_NO_WORKPLACE where that
 * cannot be), open to this user alone.
 */
export async function openWorkplace(): Promise<Workplace> {
  // Its path is put into the scripts of containers, which do not expect to quote /data: a blank in
  // it would split their words.
  const isPlain = /^[\w./+-]+$/.test(tmpdir());
  const base = isPlain ? tmpdir() : "/tmp";
  // The guard first, for a name that nobody can have made before: there is no moment in which the
  // directory is there and the guard is not.
  const directory = join(base, `mooring-demo-${randomUUID()}`);
  const guard = new Guard(directory);
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    await guard.close();
    throw demoErrors.NO_WORKPLACE({ directory: base, why: messageOf(error) }, { cause: error });
  }
  // A container that has just been killed may still be writing: try again.
  const how = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const;
  return {
    directory,
    guard,
    remark: isPlain
      ? undefined
      : `${JSON.stringify(tmpdir())} is not used: scripts would stumble over the characters in its path`,
    write: async (name, text) => {
      await writeFile(join(directory, name), text, { mode: 0o600 });
      return join(directory, name);
    },
    remove: async () => {
      await rm(directory, how);
      await guard.close();
    },
    removeNow: () => {
      rmSync(directory, how);
    },
  };
}
