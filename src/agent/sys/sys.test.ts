import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { chmod, chown, chownat, setTimes, setTimesAt } from "./change.ts";
import { allocate, dropCache, fsync, punchHole, seekData, seekHole, syncfs } from "./data.ts";
import { cString, hasCode, printable, SystemError } from "./libc.ts";
import { mount, MS_BIND, MS_RDONLY, MS_REMOUNT, unmount } from "./mount.ts";
import * as open from "./open.ts";
import { readDirectory } from "./read-directory.ts";
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
import { hasTool, notRoot, scratch, tool } from "./testing/scratch.fixture.ts";
import { getXattr, listXattrs, listXattrsAt, removeXattr, setXattr } from "./xattr.ts";

const { O_RDONLY, O_RDWR, O_CREAT, O_NOFOLLOW, O_DIRECTORY, O_PATH } = open;

/** A descriptor that the test closes. */
function opened(dirfd: number, name: Buffer | string, flags: number, mode = 0o644): number {
  const fd = open.openat(dirfd, name, flags, mode);
  onTestFinished(() => {
    open.close(fd);
  });
  return fd;
}

/** The error that a call must throw. */
function errorOf(call: () => unknown): SystemError {
  try {
    call();
  } catch (error) {
    if (error instanceof SystemError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("errors", () => {
  it("carry code, errno, call and path as Node's do", () => {
    const { path } = scratch();
    const error = errorOf(() => open.openat(open.AT_FDCWD, `${path}/none`, O_RDONLY));
    expect(error).toMatchObject({ code: "ENOENT", errno: 2, syscall: "openat", path: `${path}/none` });
    expect(hasCode(error, "EACCES", "ENOENT")).toBe(true);
    expect(hasCode(error, "EACCES")).toBe(false);
  });

  it("say that something is not supported by either of its two names", () => {
    const error = new SystemError("fallocate", 95, "");
    expect(["ENOTSUP", "EOPNOTSUPP", "EINVAL"].map((code) => hasCode(error, code))).toEqual([true, true, false]);
    expect(hasCode(new SystemError("fallocate", 22, ""), "EOPNOTSUPP")).toBe(false);
  });

  it("of parallel calls on threads are not mixed up", async () => {
    const { path, fd } = scratch();
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, (_, i) =>
        i % 3 === 0 ? syncfs(fd) : i % 3 === 1 ? syncfs(-1) : unmount(`${path}/none`),
      ),
    );
    const codes = results.map((result) => (result.status === "fulfilled" ? "ok" : (result.reason as SystemError).code));
    expect(codes).toEqual(
      Array.from(
        { length: 60 },
        (_, i) => ["ok", "EBADF", notRoot ? expect.stringMatching(/EPERM|ENOENT/) : "ENOENT"][i % 3],
      ),
    );
  });

  it("a name with a NUL byte is refused and not cut", () => {
    expect(errorOf(() => cString("a\0b")).code).toBe("EINVAL");
    expect(cString("ab")).toEqual(Buffer.from("ab\0"));
  });

  it("names that are not UTF-8 are escaped in messages", () => {
    expect(printable(Buffer.from([0x61, 0xff, 0x5c, 0x20, 0x0a]))).toBe("a\\xff\\x5c \\x0a");
  });
});

describe("open", () => {
  it("openat2 refuses what leads out", () => {
    const { path, fd } = scratch();
    tool("ln", "-s", "/etc", `${path}/out`);
    tool("ln", "-s", "sub", `${path}/in`);
    tool("mkdir", `${path}/sub`);
    const code = (name: string, resolve: number): string =>
      errorOf(() => open.openat2(fd, name, O_RDONLY, resolve)).code;
    expect(code("../", open.RESOLVE_BENEATH)).toBe("EXDEV");
    expect(code("out/passwd", open.RESOLVE_BENEATH)).toBe("EXDEV");
    expect(code("in/", open.RESOLVE_NO_SYMLINKS)).toBe("ELOOP");
    const proc = opened(open.AT_FDCWD, "/proc", O_RDONLY);
    expect(errorOf(() => open.openat2(proc, "self/fd/0", O_RDONLY, open.RESOLVE_NO_MAGICLINKS)).code).toBe("ELOOP");
    const root = opened(open.AT_FDCWD, "/", O_RDONLY);
    expect(errorOf(() => open.openat2(root, "proc/version", O_RDONLY, open.RESOLVE_NO_XDEV)).code).toBe("EXDEV");
    const sub = open.openat2(fd, "sub", O_RDONLY | O_DIRECTORY, open.RESOLVE_BENEATH | open.RESOLVE_NO_SYMLINKS);
    expect(statDescriptor(sub).ino).toBe(BigInt(tool("stat", "-c", "%i", `${path}/sub`)));
    open.close(sub);
  });

  it("openat makes a file with a mode, and its descriptor does not pass to children", () => {
    const { path, fd } = scratch();
    const file = opened(fd, "made", O_RDWR | O_CREAT, 0o640);
    expect(tool("stat", "-c", "%F %a", `${path}/made`)).toMatch(/^regular empty file 640$/);
    expect(readFileSync(`/proc/self/fdinfo/${String(file)}`, "utf8")).toMatch(/^flags:\t0?2\d{6}$/m);
    expect(errorOf(() => open.openat(fd, "made", O_RDONLY | O_DIRECTORY)).code).toBe("ENOTDIR");
  });

  it("mkdirat, symlinkat and readlinkat", () => {
    const { path, fd } = scratch();
    open.mkdirat(fd, "d", 0o700);
    open.symlinkat(Buffer.from([0x2f, 0xff]), fd, "s");
    expect(tool("stat", "-c", "%F %a", `${path}/d`)).toBe("directory 700");
    expect(tool("stat", "-c", "%F", `${path}/s`)).toBe("symbolic link");
    // XFS takes no more than 1,023 bytes.
    const [most, less] = ["x".repeat(4095), "x".repeat(1023)];
    tool("sh", "-c", `ln -s ${most} '${path}/long' || ln -s ${less} '${path}/long'`);
    expect([most, less]).toContain(open.readlinkat(fd, "long").toString());
    expect(open.readlinkat(fd, "long").toString()).toBe(tool("readlink", `${path}/long`));
    expect(open.readlinkat(fd, "s")).toEqual(Buffer.from([0x2f, 0xff]));
    expect(open.readlinkat(opened(fd, "s", O_PATH | O_NOFOLLOW), "")).toEqual(Buffer.from([0x2f, 0xff]));
  });

  it("mknodat makes FIFOs", () => {
    const { path, fd } = scratch();
    open.mknodat(fd, "p", 0o010600, { major: 0, minor: 0 });
    expect(tool("stat", "-c", "%F %a", `${path}/p`)).toBe("fifo 600");
  });

  it.skipIf(notRoot)("mknodat makes devices with large numbers (needs root)", () => {
    const { path, fd } = scratch();
    open.mknodat(fd, "c", 0o020600, { major: 0, minor: 0 });
    open.mknodat(fd, "b", 0o060640, { major: 259, minor: 70_000 });
    expect(tool("stat", "-c", "%F %Hr %Lr", `${path}/c`)).toBe("character special file 0 0");
    expect(tool("stat", "-c", "%F %Hr %Lr", `${path}/b`)).toBe("block special file 259 70000");
    expect(statat(fd, "b").rdev).toEqual({ major: 259, minor: 70_000 });
  });

  it("linkat and linkThroughProc give one more name", () => {
    const { path, fd } = scratch();
    writeFileSync(join(path, "a"), "x");
    open.linkat(fd, "a", fd, "b");
    open.linkThroughProc(opened(fd, "a", O_PATH), fd, "c");
    expect(tool("stat", "-c", "%h", `${path}/c`)).toBe("3");
    expect(errorOf(() => open.linkat(fd, "a", fd, "b")).code).toBe("EEXIST");
  });

  it.skipIf(notRoot)("linkDescriptor links an open object, a symlink too (needs root)", () => {
    const { path, fd } = scratch();
    tool("ln", "-s", "/nowhere", `${path}/s`);
    open.linkDescriptor(opened(fd, "s", O_PATH | O_NOFOLLOW), fd, "t");
    expect(tool("stat", "-c", "%F %h", `${path}/t`)).toBe("symbolic link 2");
  });

  it("unlinkat and rmdirat remove only their own kind", () => {
    const { path, fd } = scratch();
    tool("mkdir", `${path}/d`);
    writeFileSync(join(path, "f"), "");
    expect(errorOf(() => open.unlinkat(fd, "d")).code).toBe("EISDIR");
    expect(errorOf(() => open.rmdirat(fd, "f")).code).toBe("ENOTDIR");
    open.unlinkat(fd, "f");
    open.rmdirat(fd, "d");
    expect(tool("ls", "-A", path)).toBe("");
  });

  it("renameNoReplace keeps what is there, renameat takes its place", () => {
    const { path, fd } = scratch();
    writeFileSync(join(path, "a"), "a");
    writeFileSync(join(path, "b"), "b");
    expect(errorOf(() => open.renameNoReplace(fd, "a", fd, "b")).code).toBe("EEXIST");
    open.renameat(fd, "a", fd, "b");
    expect(readFileSync(join(path, "b"), "utf8")).toBe("a");
    open.renameNoReplace(fd, "b", fd, "c");
    expect(tool("ls", "-A", path)).toBe("c");
  });
});

describe("directories", () => {
  it("are read in full, names as bytes", () => {
    const { path, fd } = scratch();
    const strange = Buffer.from([0xff, 0x2e, 0x0a]);
    open.close(open.openat(fd, strange, O_RDWR | O_CREAT, 0o600));
    open.mkdirat(fd, "..a", 0o700);
    tool("sh", "-c", `cd ${path} && seq -f 'a rather long name of a file %g' 5000 | xargs -d '\\n' touch`);
    const names = [...readDirectory(opened(open.AT_FDCWD, path, O_RDONLY | O_DIRECTORY))];
    expect(names).toHaveLength(5002);
    expect(new Set(names.map((name) => name.toString("latin1"))).size).toBe(5002);
    expect(names).toContainEqual(strange);
    expect(names).toContainEqual(Buffer.from("..a"));
  });
});

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

describe("extended attributes", () => {
  it("are those that getfattr shows", ({ skip }) => {
    const { path, fd } = scratch();
    const file = opened(fd, "f", O_RDWR | open.O_CREAT);
    const value = Buffer.from([0, 1, 0xff, 0]);
    try {
      setXattr(file, "user.b", value);
    } catch (error) {
      skip(hasCode(error, "ENOTSUP"), "this file system has no user attributes");
      throw error;
    }
    setXattr(file, "user.a\xff", Buffer.alloc(0));
    const handle = opened(fd, "f", O_PATH);
    expect(listXattrs(handle).filter((name) => name.startsWith("user."))).toEqual(["user.a\xff", "user.b"]);
    expect(getXattr(handle, "user.b")).toEqual(value);
    expect(getXattr(handle, "user.a\xff")).toHaveLength(0);
    if (hasTool("getfattr")) {
      expect(tool("getfattr", "--absolute-names", "-n", "user.b", "-e", "hex", `${path}/f`)).toContain(
        "user.b=0x0001ff00",
      );
    }
    removeXattr(handle, "user.b");
    expect(errorOf(() => getXattr(handle, "user.b")).code).toBe("ENODATA");
    expect(
      errorOf(() => {
        removeXattr(handle, "user.b");
      }).code,
    ).toBe("ENODATA");
  });

  it("are all listed when they do not fit into the first try", ({ skip }) => {
    const { fd } = scratch();
    const file = opened(fd, "f", O_RDWR | open.O_CREAT);
    const handle = opened(fd, "f", O_PATH);
    const listed = (): string[][] => {
      const own = (names: string[]): string[] => names.filter((name) => name.startsWith("user."));
      return [listXattrs(file), listXattrs(handle), listXattrs(handle, true), listXattrsAt(fd, Buffer.from("f"))].map(
        own,
      );
    };
    expect(listed()).toEqual([[], [], [], []]);
    const names = ["a", "b", "c", "d", "e", "f"].map((letter) => `user.${letter.repeat(200)}`);
    try {
      for (const name of names) setXattr(file, name, Buffer.alloc(0));
    } catch (error) {
      skip(hasCode(error, "ENOTSUP"), "this file system has no user attributes");
      throw error;
    }
    expect(listed()).toEqual([names, names, names, names]);
    for (const name of names.slice(1)) removeXattr(file, name);
    const first = names.slice(0, 1);
    expect(listed()).toEqual([first, first, first, first]);
  });

  it.skipIf(notRoot)("of symlinks and FIFOs are their own (needs root)", ({ skip }) => {
    const { path, fd } = scratch();
    writeFileSync(join(path, "f"), "");
    tool("ln", "-s", "f", `${path}/s`);
    tool("mkfifo", `${path}/p`);
    for (const name of ["s", "p"]) {
      const handle = opened(fd, name, O_PATH | O_NOFOLLOW);
      try {
        setXattr(handle, "trusted.t", Buffer.from(name));
      } catch (error) {
        skip(hasCode(error, "ENOTSUP"), "this file system has no trusted attributes");
        throw error;
      }
      expect(getXattr(handle, "trusted.t").toString()).toBe(name);
      expect(listXattrsAt(fd, Buffer.from(name))).toContain("trusted.t");
    }
    expect(listXattrs(opened(fd, "f", O_PATH)).filter((name) => name.startsWith("trusted."))).toEqual([]);
  });
});

describe("data", () => {
  it("holes are found and punched", ({ skip }) => {
    const { path, fd } = scratch();
    const mib = 1024 * 1024;
    tool("truncate", "-s", String(5 * mib), `${path}/f`);
    tool("dd", "if=/dev/urandom", `of=${path}/f`, "bs=1M", "count=2", "seek=2", "conv=notrunc", "status=none");
    const file = opened(fd, "f", O_RDWR);
    const start = seekData(file, 0);
    skip(start === 0, "this file system has no holes");
    expect([start, seekHole(file, 2 * mib), seekData(file, 4 * mib)]).toEqual([2 * mib, 4 * mib, undefined]);
    expect(seekHole(file, 0)).toBe(0);
    expect(errorOf(() => seekHole(file, 6 * mib)).code).toBe("ENXIO");
    punchHole(file, 2 * mib, mib);
    expect([seekData(file, 0), seekHole(file, 3 * mib)]).toEqual([3 * mib, 4 * mib]);
    expect(tool("stat", "-c", "%s", `${path}/f`)).toBe(String(5 * mib));
  });

  it("allocates blocks that hold nothing yet", () => {
    const { path, fd } = scratch();
    allocate(opened(fd, "f", O_RDWR | open.O_CREAT), 65_536);
    expect(tool("stat", "-c", "%s %b %B", `${path}/f`)).toMatch(/^65536 1(28|36) 512$/);
    expect(errorOf(() => allocate(opened(fd, "f", O_RDONLY), 4096)).code).toBe("EBADF");
  });

  it("offsets beyond 4 GiB are whole", () => {
    const { path, fd } = scratch();
    tool("truncate", "-s", "4294967295", `${path}/f`);
    expect(seekHole(opened(fd, "f", O_RDONLY), 4_294_967_294)).toBe(4_294_967_294);
    tool("truncate", "-s", "8G", `${path}/g`);
    expect(seekHole(opened(fd, "g", O_RDONLY), 4_294_967_295)).toBe(4_294_967_295);
  });

  it("dropCache, fsync and syncfs end without an error, and fail on what is none", async () => {
    const { fd } = scratch();
    const file = opened(fd, "f", O_RDWR | open.O_CREAT);
    dropCache(file);
    await fsync(file);
    await syncfs(fd);
    expect(
      errorOf(() => {
        dropCache(-1);
      }).code,
    ).toBe("EBADF");
    await expect(syncfs(-1)).rejects.toMatchObject({ code: "EBADF", syscall: "syncfs" });
    await expect(fsync(-1)).rejects.toThrow();
  });
});

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

it("a lock is one that flock sees, and is given up with its descriptor (needs flock)", ({ skip }) => {
  if (!hasTool("flock")) skip("flock is not installed");
  const { path } = scratch();
  const isFree = (): boolean => tool("sh", "-c", `flock -n ${path} true && echo free || echo taken`) === "free";
  const fd = open.openat(open.AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  const second = opened(open.AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  expect([open.lockAlone(fd), open.lockAlone(fd), open.lockAlone(second), isFree()]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  open.close(fd);
  expect(isFree()).toBe(true);
});
