import { describe, expect, it } from "vitest";
import { syncfs } from "./data.ts";
import { cString, hasCode, printable, SystemError } from "./libc.ts";
import { unmount } from "./mount.ts";
import * as open from "./open.ts";
import { errorOf } from "./testing/calls.fixture.ts";
import { notRoot, scratch } from "./testing/scratch.fixture.ts";

const { O_RDONLY } = open;

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
