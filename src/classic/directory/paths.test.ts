import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clean, isLocal, join, overlaps, split } from "./paths.ts";

describe("paths are handled as by Go's filepath", () => {
  it.each([
    ["", "."],
    ["/", "/"],
    ["//a///b/", "/a/b"],
    ["/a/./b/../c", "/a/c"],
    ["/../a", "/a"],
    ["a/../../b", "../b"],
    ["../..", "../.."],
    ["a/..", "."],
  ])("clean %j", (path, cleaned) => {
    expect(clean(path)).toBe(cleaned);
  });

  it.each([
    ["/base", "ns/name/", "/base/ns/name"],
    ["/base", "/opt/../x/../etc/", "/base/etc"],
    ["/base", "../../../etc", "/etc"],
    ["/base", "", "/base"],
    ["", "", ""],
  ])("join %j %j", (base, below, joined) => {
    expect(join(base, below)).toBe(joined);
  });

  it.each([
    ["", false],
    ["/a", false],
    ["a", true],
    ["a/../b", true],
    ["a/../..", false],
    ["..", false],
    ["...", true],
    [".", true],
  ])("isLocal %j is %j", (path, local) => {
    expect(isLocal(path)).toBe(local);
  });

  it("split keeps the slash with the directory", () => {
    expect(split("/a/b")).toEqual({ dir: "/a/", file: "b" });
    expect(split("/a")).toEqual({ dir: "/", file: "a" });
  });
});

describe("overlaps", () => {
  const path = fc
    .array(fc.constantFrom("a", "b", "ab"), { minLength: 1, maxLength: 4 })
    .map((segments) => `/${segments.join("/")}`);

  it("is true for a directory and itself, or another inside it", () => {
    expect(overlaps("/a/b", "/a/b")).toBe(true);
    expect(overlaps("/a/b", "/a/b/c")).toBe(true);
    expect(overlaps("/a/b/c", "/a/b")).toBe(true);
    expect(overlaps("/", "/a")).toBe(true);
  });

  it("is false for a neighbour whose name begins alike", () => {
    expect(overlaps("/a/b", "/a/bc")).toBe(false);
    expect(overlaps("/a/b", "/a")).toBe(true);
    expect(overlaps("/ab", "/a")).toBe(false);
  });

  it("agrees with a comparison by segments, both ways round", () => {
    fc.assert(
      fc.property(path, path, (a, b) => {
        const [short = [], long = []] = [a.split("/"), b.split("/")].sort((x, y) => x.length - y.length);
        expect(overlaps(a, b)).toBe(short.every((segment, at) => segment === long[at]));
        expect(overlaps(b, a)).toBe(overlaps(a, b));
      }),
    );
  });
});
