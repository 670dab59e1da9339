import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasCode } from "./libc.ts";
import * as open from "./open.ts";
import { errorOf, opened } from "./testing/calls.fixture.ts";
import { hasTool, notRoot, scratch, tool } from "./testing/scratch.fixture.ts";
import { getXattr, listXattrs, listXattrsAt, removeXattr, setXattr } from "./xattr.ts";

const { O_RDWR, O_NOFOLLOW, O_PATH } = open;

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
