import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readDirectory } from "./read-directory.ts";
import * as open from "./open.ts";
import { statat, statDescriptor } from "./stat.ts";
import { errorOf, opened } from "./testing/calls.fixture.ts";
import { hasTool, notRoot, scratch, tool } from "./testing/scratch.fixture.ts";

const { O_RDONLY, O_RDWR, O_CREAT, O_NOFOLLOW, O_DIRECTORY, O_PATH } = open;

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
