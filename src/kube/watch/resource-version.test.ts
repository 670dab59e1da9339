import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareResourceVersions, isComparable } from "./resource-version.ts";

describe("compareResourceVersions", () => {
  it("orders versions of any length as the numbers they are", () => {
    const version = fc.oneof(fc.nat({ max: 20 }).map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 70n }));
    fc.assert(
      fc.property(version, version, (a, b) => {
        const order = Math.sign(compareResourceVersions(String(a), String(b)));
        expect(order).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  it.each(["", "01", "-1", "1.0", "0x1", "abc", " 1"])("refuses %j", (version) => {
    expect(isComparable(version)).toBe(false);
    expect(() => compareResourceVersions(version, "1")).toThrow(RangeError);
    expect(() => compareResourceVersions("1", version)).toThrow(RangeError);
  });
});
