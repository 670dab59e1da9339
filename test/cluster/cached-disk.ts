/*
 * A file system on a disk whose cache is volatile, for power cuts.
 *
 *   the file system ── loop device ── a file ── ext4, the "platter" ── loop device ── an image
 *
 * What the file system under test writes is in the page cache of the platter at first, as it would
 * be in the cache of a disk. A flush of the loop device is an `fsync` of the file. The power is cut
 * by the ioctl that stops a file system at once and drops what it has not written. So all that was
 * not flushed is lost, but for what the platter has written by itself after some seconds, as a disk
 * does.
 */
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PoolFileSystem } from "./ground.ts";
import { detachLoopDevices } from "./loop-devices.ts";
import { ensurePrograms } from "./packages.ts";
import { must, run } from "./run.ts";

export interface CachedDiskShape {
  readonly fs: PoolFileSystem;
  readonly mib: number;
  /** For its mkfs. */
  readonly made?: readonly string[];
}

export interface CachedDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  /** Loses all that the disk has not written. Nothing below `path` may be open. */
  cutPower(): Promise<void>;
}

/** Makes one below a directory that holds no other. */
export async function makeCachedDisk(directory: string, shape: CachedDiskShape): Promise<CachedDisk> {
  const { fs, made = [], mib } = shape;
  await ensurePrograms((line) => console.error(line), {
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    xfs_io: "xfsprogs",
    "mkfs.btrfs": "btrfs-progs",
  });
  const [image, platter, path] = ["platter.img", "platter", "disk"].map((name) => join(directory, name));
  if (image === undefined || platter === undefined || path === undefined) throw new Error("unreachable");
  const file = join(platter, "disk.img");
  const makePlatter = async (): Promise<void> => {
    await makeImage(image, mib + 200);
    await must(["mkfs.ext4", "-q", "-F", image]);
    await mountImage(image, platter, "ext4");
  };
  const remove = async (): Promise<void> => {
    // Each may have been made or not.
    await run(["umount", path]);
    await detachLoopDevices(platter);
    await run(["umount", platter]);
    await detachLoopDevices(directory);
    await rm(image, { force: true });
  };
  await mkdir(platter);
  await mkdir(path);
  try {
    await makePlatter();
    await makeImage(file, mib);
    await must([`mkfs.${fs}`, "-q", ...made, file]);
    await mountImage(file, path, fs);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    path,
    cutPower: async () => {
      await must(["xfs_io", "-x", "-c", "shutdown", platter]);
      await must(["umount", path]);
      await detachLoopDevices(platter);
      await must(["umount", platter]);
      await detachLoopDevices(directory);
      await mountImage(image, platter, "ext4");
      await mountImage(file, path, fs);
    },
    [Symbol.asyncDispose]: remove,
  };
}

async function makeImage(path: string, mib: number): Promise<void> {
  const image = await open(path, "wx");
  await image.truncate(mib * 1024 * 1024);
  await image.close();
}

async function mountImage(image: string, path: string, fs: PoolFileSystem): Promise<void> {
  const device = (await must(["losetup", "--find", "--show", image])).trim();
  await must(["mount", "-t", fs, device, path]);
}
