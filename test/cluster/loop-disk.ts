import { copyFile, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PoolFileSystem } from "./ground.ts";
import { detachLoopDevices } from "./loop-devices.ts";
import { ensurePrograms } from "./packages.ts";
import { must, run } from "./run.ts";

/** What a loop disk is to be like. */
export interface LoopDiskShape {
  readonly fs: PoolFileSystem;
  /** Bytes of its logical sector. @default 512 */
  readonly sector?: number;
  /** For its mkfs. */
  readonly made?: readonly string[];
  /** For its mount. */
  readonly mounted?: string;
  readonly mib: number;
}

/** A file system on a loop device. */
export interface LoopDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  /** As it is now: another one after a power cut. */
  readonly device: string;
  /**
   * Puts in its place what its disk holds at this moment: as after a power cut, everything that is
   * only in memory is lost.
   */
  cutPower(): Promise<void>;
  /** What its own checker says against it, unmounted; empty when it is clean. */
  faults(): Promise<string>;
}

const CHECKS: Readonly<Record<PoolFileSystem, readonly string[]>> = {
  ext4: ["e2fsck", "-f", "-n"],
  xfs: ["xfs_repair", "-n"],
  btrfs: ["btrfs", "check", "--readonly", "--check-data-csum"],
};

/** Makes one below a directory that holds no other. */
export async function makeLoopDisk(directory: string, shape: LoopDiskShape): Promise<LoopDisk> {
  const { fs, made = [], mib, mounted = "defaults", sector = 512 } = shape;
  await ensurePrograms((line) => console.error(line), {
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "mkfs.btrfs": "btrfs-progs",
  });
  const [image, path] = [join(directory, "disk.img"), join(directory, "disk")];
  let device = "";
  const attach = async (): Promise<void> => {
    device = (await must(["losetup", "--sector-size", String(sector), "--find", "--show", image])).trim();
  };
  let isMounted = false;
  const mount = async (): Promise<void> => {
    await must(["mount", "-t", fs, "-o", mounted, device, path]);
    isMounted = true;
  };
  const unmount = async (): Promise<void> => {
    if (isMounted) await must(["umount", path]);
    isMounted = false;
    await detachLoopDevices(directory);
  };
  const remove = async (): Promise<void> => {
    await unmount();
    await rm(image, { force: true });
  };
  const file = await open(image, "wx");
  await file.truncate(mib * 1024 * 1024);
  await file.close();
  await mkdir(path);
  try {
    await attach();
    await must([`mkfs.${fs}`, "-q", ...made, device]);
    await mount();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    path,
    get device() {
      return device;
    },
    cutPower: async () => {
      await copyFile(image, `${image}.cut`);
      await remove();
      await must(["mv", `${image}.cut`, image]);
      await attach();
      await mount();
    },
    faults: async () => {
      await unmount();
      await attach();
      const { code, stdout, stderr } = await run([...CHECKS[fs], device]);
      await detachLoopDevices(directory);
      return code === 0 ? "" : `${stdout}${stderr}`;
    },
    [Symbol.asyncDispose]: remove,
  };
}
