import { readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hasCode } from "./libc.ts";
import { mount, MS_BIND, MS_RDONLY, MS_REMOUNT, unmount } from "./mount.ts";
import * as open from "./open.ts";
import { ATTRIBUTES, statat } from "./stat.ts";
import { errorOf } from "./testing/calls.fixture.ts";
import { notRoot, scratch, tool } from "./testing/scratch.fixture.ts";

const { O_RDONLY, O_RDWR, O_CREAT } = open;

describe("mount", () => {
  it.skipIf(notRoot)("binds, remounts read-only, shows the mount's id, and unmounts (needs root)", async ({ skip }) => {
    const { path, fd } = scratch();
    tool("mkdir", `${path}/from`, `${path}/to`);
    writeFileSync(`${path}/from/x`, "x");
    try {
      await mount(`${path}/from`, `${path}/to`, "", MS_BIND);
    } catch (error) {
      skip(hasCode(error, "EPERM"), "mounting is not allowed here");
      throw error;
    }
    try {
      await mount("", `${path}/to`, "", MS_BIND | MS_REMOUNT | MS_RDONLY);
      expect(readFileSync(`${path}/to/x`, "utf8")).toBe("x");
      expect(errorOf(() => open.openat(fd, "to/y", O_RDWR | O_CREAT)).code).toBe("EROFS");
      expect(statat(fd, "to").mntId).not.toBe(statat(fd, "from").mntId);
      expect(statat(fd, "to").attributes & ATTRIBUTES.mountRoot).toBe(ATTRIBUTES.mountRoot);
      const busy = open.openat(fd, "to/x", O_RDONLY);
      await expect(unmount(`${path}/to`)).rejects.toMatchObject({ code: "EBUSY", syscall: "umount2" });
      open.close(busy);
    } finally {
      await unmount(`${path}/to`);
    }
    await expect(unmount(`${path}/to`)).rejects.toMatchObject({ code: "EINVAL" });
    tool("ln", "-s", "from", `${path}/link`);
    await expect(unmount(`${path}/link`)).rejects.toMatchObject({ code: "EINVAL" });
  });

  it.skipIf(notRoot)("passes type and options (needs root)", async ({ skip }) => {
    const { path } = scratch();
    try {
      await mount("none", path, "tmpfs", 0, "size=64k,mode=0710");
    } catch (error) {
      skip(hasCode(error, "EPERM", "ENODEV"), "tmpfs cannot be mounted here");
      throw error;
    }
    expect(statSync(path).mode & 0o777).toBe(0o710);
    await unmount(path);
    expect(statSync(path).mode & 0o777).not.toBe(0o710);
  });
});
