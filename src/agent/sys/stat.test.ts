import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { chmod, chown, chownat, setTimes, setTimesAt } from "./change.ts";
import { hasCode } from "./libc.ts";
import * as open from "./open.ts";
import {
  ATTRIBUTES,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_NODUMP_FL,
  inodeFlags,
  setInodeFlags,
  statat,
  statDescriptor,
} from "./stat.ts";
import { opened } from "./testing/calls.fixture.ts";
import { hasTool, notRoot, scratch, tool } from "./testing/scratch.fixture.ts";

const { O_RDWR, O_NOFOLLOW, O_PATH } = open;

describe("stat", () => {
  it("agrees with stat(1) on every field", () => {
    const { path, fd } = scratch();
    writeFileSync(join(path, "f"), "content");
    tool("chmod", "2750", `${path}/f`);
    tool("ln", `${path}/f`, `${path}/g`);
    tool("touch", "-d", "2001-02-03 04:05:06.123456789", `${path}/f`);
    for (const stat of [statat(fd, "f"), statDescriptor(opened(fd, "f", O_PATH))]) {
      expect(stat).toMatchObject({
        type: "file",
        size: 7n,
        mtimeNs: BigInt(tool("date", "-d", "2001-02-03 04:05:06.123456789", "+%s%N")),
      });
      expect(
        [
          stat.mode.toString(8),
          stat.uid,
          stat.gid,
          stat.nlink,
          stat.ino,
          stat.dev.major,
          stat.dev.minor,
          stat.blocks,
        ].join(" "),
      ).toBe(tool("stat", "-c", "%a %u %g %h %i %Hd %Ld %b", `${path}/f`));
      expect(stat.ctimeNs).toBe(statSync(`${path}/f`, { bigint: true }).ctimeNs);
      expect(stat.atimeNs).toBe(statSync(`${path}/f`, { bigint: true }).atimeNs);
      const mounts = readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .map((line) => line.split(" ")[0]);
      expect(mounts).toContain(String(stat.mntId));
    }
  });

  it("knows every type", () => {
    const { path, fd } = scratch();
    tool("mkfifo", `${path}/p`);
    tool("ln", "-s", "x", `${path}/s`);
    open.mknodat(fd, "k", 0o140600, { major: 0, minor: 0 });
    const types = ["p", "s", "k", "."].map((name) => statat(fd, name).type);
    expect(types).toEqual(["fifo", "symlink", "socket", "directory"]);
    expect(statat(open.AT_FDCWD, "/dev/null")).toMatchObject({ type: "character", rdev: { major: 1, minor: 3 } });
  });

  it("reads and sets the inode flags that lsattr shows", ({ skip }) => {
    const { path, fd } = scratch();
    const file = opened(fd, "f", O_RDWR | open.O_CREAT);
    try {
      setInodeFlags(file, inodeFlags(file) | FS_NODUMP_FL);
    } catch (error) {
      skip(hasCode(error, "ENOTTY", "ENOTSUP"), "this file system has no inode flags");
      throw error;
    }
    if (hasTool("lsattr")) expect(tool("lsattr", `${path}/f`).split(" ")[0]).toContain("d");
    expect(inodeFlags(file) & FS_NODUMP_FL).toBe(FS_NODUMP_FL);
  });

  it.skipIf(notRoot)("shows immutable and append-only files (needs root)", ({ skip }) => {
    const { fd } = scratch();
    const file = opened(fd, "f", O_RDWR | open.O_CREAT);
    let plain: number;
    try {
      plain = inodeFlags(file);
    } catch (error) {
      skip(hasCode(error, "ENOTTY", "ENOTSUP"), "this file system has no inode flags");
      throw error;
    }
    const attributesWith = (flag: number): bigint => {
      setInodeFlags(file, plain | flag);
      const { attributes } = statat(fd, "f");
      setInodeFlags(file, plain);
      return attributes & (ATTRIBUTES.immutable | ATTRIBUTES.append);
    };
    expect(attributesWith(FS_IMMUTABLE_FL)).toBe(ATTRIBUTES.immutable);
    expect(attributesWith(FS_APPEND_FL)).toBe(ATTRIBUTES.append);
    expect(attributesWith(0)).toBe(0n);
  });
});

describe("metadata", () => {
  it("chmod works through an O_PATH descriptor", () => {
    const { path, fd } = scratch();
    tool("mkfifo", `${path}/p`);
    chmod(opened(fd, "p", O_PATH | O_NOFOLLOW), 0o4321);
    expect(tool("stat", "-c", "%a", `${path}/p`)).toBe("4321");
  });

  it.skipIf(notRoot)("chown sets the owner of the object and not of a symlink's target (needs root)", () => {
    const { path, fd } = scratch();
    writeFileSync(join(path, "f"), "");
    tool("ln", "-s", "f", `${path}/s`);
    chown(opened(fd, "s", O_PATH | O_NOFOLLOW), 4_000_000_000, 7);
    expect(tool("stat", "-c", "%u %g", `${path}/s`)).toBe("4000000000 7");
    chownat(fd, "s", 5, 6);
    expect(tool("stat", "-c", "%u %g", `${path}/s`)).toBe("5 6");
    expect(tool("stat", "-c", "%u %g", `${path}/f`)).toBe("0 0");
  });

  it("setTimes sets nanoseconds, before 1970 too, on a symlink itself", () => {
    const { path, fd } = scratch();
    writeFileSync(join(path, "f"), "");
    tool("ln", "-s", "f", `${path}/s`);
    const before = statat(fd, "f");
    setTimes(opened(fd, "s", O_PATH | O_NOFOLLOW), 1_000_000_000_123_456_789n, 5n);
    expect(tool("stat", "-c", "%.9Y %.9X", `${path}/s`)).toBe("1000000000.123456789 0.000000005");
    setTimesAt(fd, "s", -1_500_000_000n);
    expect(statat(fd, "s")).toMatchObject({ mtimeNs: -1_500_000_000n });
    expect(tool("date", "-u", "-r", `${path}/f`, "+%s")).toBe(String(before.mtimeNs / 1_000_000_000n));
    setTimes(opened(fd, "f", O_PATH), 3n);
    expect(statat(fd, "f")).toMatchObject({ mtimeNs: 3n, atimeNs: before.atimeNs });
  });
});
