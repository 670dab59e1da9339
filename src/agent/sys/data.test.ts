import { describe, expect, it } from "vitest";
import { allocate, dropCache, fsync, punchHole, seekData, seekHole, syncfs } from "./data.ts";
import * as open from "./open.ts";
import { errorOf, opened } from "./testing/calls.fixture.ts";
import { scratch, tool } from "./testing/scratch.fixture.ts";

const { O_RDONLY, O_RDWR } = open;

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

  it("offsets beyond 4 GiB are not cut", () => {
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
