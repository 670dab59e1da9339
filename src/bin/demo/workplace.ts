import { rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../observe/errors.ts";
import { demoErrors } from "./errors.ts";

/** The demo's own directory: the nodes, and the kubeconfig of an administrator who can run commands as this user. */
export interface Workplace {
  readonly directory: string;
  /** Writes a file that only this user may read. */
  write(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
  /** The same for a process that is ending and cannot wait. */
  removeNow(): void;
}

/** Makes it below the machine's temporary directory (rejects with DEMO_NO_WORKPLACE where that cannot be), open to this user alone (mkdtemp makes it 0700, under a name that nobody can have made before). */
export async function openWorkplace(): Promise<Workplace> {
  // Its path is put into the scripts of containers, which do not expect to quote /data: a blank in it would split their words.
  const base = /^[\w./+-]+$/.test(tmpdir()) ? tmpdir() : "/tmp";
  const directory = await mkdtemp(join(base, "mooring-demo-")).catch((error: unknown) => {
    throw demoErrors.NO_WORKPLACE({ directory: base, why: messageOf(error) }, { cause: error });
  });
  // A container that has just been killed may still be writing: try again.
  const how = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const;
  return {
    directory,
    write: async (name, text) => {
      await writeFile(join(directory, name), text, { mode: 0o600 });
      return join(directory, name);
    },
    remove: () => rm(directory, how),
    removeNow: () => {
      rmSync(directory, how);
    },
  };
}
