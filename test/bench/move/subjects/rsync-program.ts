import { join } from "node:path";
import { cached } from "../../../cluster/cache.ts";
import { systemProgram } from "../../../cluster/packages.ts";
import { must } from "../../../cluster/run.ts";

/** How to run rsync, or why not. */
export type Rsync =
  { readonly program: string; readonly env: Readonly<Record<string, string>> } | { readonly missing: string };

/** rsync, and those of its libraries that a machine without it may lack. */
const PACKAGES = ["rsync", "libpopt0", "libxxhash0", "liblz4-1", "libzstd1", "libacl1"];
/** Where a Debian package of this architecture has its libraries, below the directory. */
const LIBRARIES = `usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;

/** The machine's own rsync. */
export function installedRsync(): Rsync {
  const program = systemProgram("rsync");
  return program === undefined ? { missing: "rsync is not installed" } : { program, env: {} };
}

/**
 * The machine's own rsync, or else that of Debian, unpacked into the cache of the test cluster:
 * nothing is installed.
 */
export async function findRsync(log: (line: string) => void): Promise<Rsync> {
  const installed = installedRsync();
  if ("program" in installed) return installed;
  if (systemProgram("apt-get") === undefined || systemProgram("dpkg-deb") === undefined) return installed;
  try {
    const directory = await cached(`rsync-${process.arch}`, async (unfinished) => {
      log("unpacking Debian's rsync into the cache");
      await must(["apt-get", "download", "-q", ...PACKAGES], { cwd: unfinished });
      await must(["sh", "-c", 'for package in *.deb; do dpkg-deb -x "$package" . && rm "$package"; done'], {
        cwd: unfinished,
      });
    });
    const env = { LD_LIBRARY_PATH: join(directory, LIBRARIES) };
    const program = join(directory, "usr/bin/rsync");
    await must([program, "--version"], { env });
    return { program, env };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { missing: `rsync is not installed, and cannot be had from Debian: ${why}` };
  }
}
