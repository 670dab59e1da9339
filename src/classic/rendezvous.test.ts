import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rendezvous } from "./rendezvous.ts";

const same = (name: string): string => name;
const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 });

describe("rendezvous", () => {
  it("has no answer without candidates", () => {
    expect(rendezvous("key", [], same)).toBeUndefined();
  });

  it("does not depend on the order of the candidates", () => {
    fc.assert(
      fc.property(fc.string(), names, (key, candidates) => {
        const sorted = [...candidates].sort();
        expect(rendezvous(key, candidates, same)).toBe(rendezvous(key, sorted, same));
      }),
    );
  });

  it("changes its answer only to a candidate that is new, or from one that went", () => {
    fc.assert(
      fc.property(fc.string(), names, fc.string({ minLength: 13 }), (key, candidates, added) => {
        const before = rendezvous(key, candidates, same);
        expect([before, added]).toContain(rendezvous(key, [...candidates, added], same));
        const others = candidates.filter((name) => name !== rendezvous(key, candidates, same));
        const without = candidates.filter((name) => name !== others[0]);
        expect(rendezvous(key, without, same)).toBe(before);
      }),
    );
  });

  it("spreads claims evenly over paths that differ in one character", () => {
    const paths = ["/mnt/disk1", "/mnt/disk2", "/mnt/disk3", "/mnt/disk4"];
    const count = new Map<string, number>();
    for (let claim = 0; claim < 4000; claim++) {
      const path = rendezvous(`0b1f0c1e-7d1c-4d6c-9c0a-${String(claim).padStart(12, "0")}`, paths, same) ?? "";
      count.set(path, (count.get(path) ?? 0) + 1);
    }
    for (const path of paths) expect(count.get(path)).toBeGreaterThan(900);
  });
});
