import { mkdirSync } from "node:fs";
import { onTestFinished, type TestContext } from "vitest";
import { mount, unmount } from "../mount.ts";
import { hasTool, scratch, tool } from "./scratch.fixture.ts";

type Skips = Pick<TestContext, "skip">;

/**
 * A new file system without direct reads and writes, until the test is over. Skips the test where
 * it cannot be mounted. Needs root.
 */
export async function ramfs({ skip }: Skips): Promise<string> {
  const path = `${scratch().path}/ram`;
  mkdirSync(path);
  await mount("none", path, "ramfs", 0).catch((error: unknown) => skip(`ramfs cannot be mounted: ${String(error)}`));
  onTestFinished(() => unmount(path));
  return path;
}

/**
 * A disk with the bytes of a file, until the test is over. When the file is cut off, every read of
 * the disk fails with EIO. Skips the test where there is none. Needs root.
 */
export function loopDisk(file: string, { skip }: Skips): string {
  if (!hasTool("losetup")) skip("losetup is not installed");
  let device = "";
  try {
    device = tool("losetup", "--find", "--show", file);
  } catch (error) {
    skip(`no loop device: ${String(error)}`);
  }
  onTestFinished(() => {
    tool("losetup", "--detach", device);
  });
  return device;
}
