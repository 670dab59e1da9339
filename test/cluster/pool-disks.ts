/*
 * Disks of a size of their own for one node: a sparse file, a loop device, a file system, a mount.
 *
 * A pool disk is mounted or not. What is on it stays until it is removed:
 *
 *   mount() → mounted ⇄ unmount(), remount() → remove()
 *
 * - The file lies below the directory of the cluster, and the loop device is made outside of the
 *   node. So /sys names the file by its full path, and teardown finds the device from the cluster's
 *   id, whoever has died.
 * - The device is told to detach itself with its last mount (autoclear). An unmount, a killed node
 *   and the end of the cluster need no second step; a crash between losetup and that order leaves a
 *   device that teardown finds.
 * - A file never has two devices: remount() takes the one that a lazy unmount or a container's own
 *   mount has kept (--nooverlap). Two would be two file systems that write to the same blocks.
 * - A node that is switched on again mounts what was mounted when its plug was pulled, as its fstab
 *   would.
 */
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PoolFileSystem, PoolShape, UnmountOptions } from "./ground.ts";
import { waitUntilDetached } from "./loop-devices.ts";
import type { Shell } from "./node-files.ts";
import { ensurePrograms } from "./packages.ts";
import { must } from "./run.ts";
import { waitFor } from "./wait.ts";

/** The program that makes each file system, its Debian package, and its arguments. */
const MAKERS: Readonly<Record<PoolFileSystem, readonly [program: string, debian: string, ...args: string[]]>> = {
  ext4: ["mkfs.ext4", "e2fsprogs", "-q", "-F", "-m", "0"],
  xfs: ["mkfs.xfs", "xfsprogs", "-q"],
  btrfs: ["mkfs.btrfs", "btrfs-progs", "-q"],
};

interface Pool {
  readonly fs: PoolFileSystem;
  readonly image: string;
  mounted: boolean;
}

/** The pool disks of one node. */
export class PoolDisks {
  readonly #node: Shell;
  readonly #directory: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #pools = new Map<string, Pool>();

  /** `directory` is for the files; `env` marks what is run for the node outside of it. */
  constructor(node: Shell, directory: string, env: Readonly<Record<string, string>>) {
    this.#node = node;
    this.#directory = directory;
    this.#env = env;
  }

  /** Makes a disk and mounts it at a path of the node, which is made if it is not there. */
  async mount(path: string, { mib, fs = "ext4", made = [] }: PoolShape): Promise<void> {
    if (this.#pools.has(path)) throw new Error(`${this.#node.name} has a pool disk at ${path} already`);
    const [program, debian, ...args] = MAKERS[fs];
    await ensurePrograms((line) => console.error(line), { [program]: debian });
    await mkdir(this.#directory, { recursive: true });
    const pool = { fs, image: join(this.#directory, `${encodeURIComponent(path)}.img`), mounted: false };
    const image = await open(pool.image, "wx");
    await image.truncate(mib * 1024 * 1024);
    await image.close();
    this.#pools.set(path, pool);
    await must([program, ...args, ...made, pool.image], { env: this.#env });
    await this.#mount(path, pool);
  }

  /** Unmounts a disk; fails while something on the node uses it, unless it is to be done lazily. */
  async unmount(path: string, { lazy = false }: UnmountOptions = {}): Promise<void> {
    const pool = this.#pool(path);
    await this.#onNode(["umount", ...(lazy ? ["--lazy"] : []), path]);
    pool.mounted = false;
  }

  /** Mounts a disk that was unmounted, with what is on it. */
  async remount(path: string): Promise<void> {
    const pool = this.#pool(path);
    if (pool.mounted) throw new Error(`the pool disk at ${path} of ${this.#node.name} is mounted`);
    await this.#mount(path, pool);
  }

  /** Takes a disk away for good, with what is on it. Who still uses it keeps what is open. */
  async remove(path: string): Promise<void> {
    const { image, mounted } = this.#pool(path);
    if (mounted) await this.unmount(path, { lazy: true });
    await rm(image);
    this.#pools.delete(path);
  }

  /** After the node's end: waits until the kernel has let go of its disks. */
  async plugPulled(): Promise<void> {
    await waitUntilDetached(this.#directory);
  }

  /** At the node's start: mounts what was mounted at its end. */
  async mountAgain(): Promise<void> {
    for (const [path, pool] of this.#pools) if (pool.mounted) await this.#mount(path, pool);
  }

  #pool(path: string): Pool {
    const pool = this.#pools.get(path);
    if (pool === undefined) throw new Error(`${this.#node.name} has no pool disk at ${path}`);
    return pool;
  }

  async #mount(path: string, pool: Pool): Promise<void> {
    await this.#onNode(["mkdir", "-p", path]);
    // More than once: a device that the last unmount is just detaching is found, and gone before it
    // is mounted.
    await waitFor(
      `the pool disk at ${path} of ${this.#node.name} to be mounted`,
      async () => {
        const attach = ["losetup", "--nooverlap", "--find", "--show", pool.image];
        const device = (await must(attach, { env: this.#env })).trim();
        try {
          await this.#onNode(["mount", "-t", pool.fs, device, path]);
        } finally {
          // In use it stays, and detaches itself with its last mount.
          await must(["losetup", "--detach", device], { env: this.#env });
        }
        return true;
      },
      { timeoutMs: 10_000 },
    );
    pool.mounted = true;
  }

  async #onNode(argv: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#node.exec(argv);
    if (code !== 0) throw new Error(`${argv.join(" ")} on ${this.#node.name}: ${stderr.trim()}`);
  }
}
