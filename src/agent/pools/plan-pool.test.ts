import { describe, expect, test } from "vitest";
import { planPool, type PoolFinding, type PoolView } from "./plan-pool.ts";

const disk = (finding: Partial<Extract<PoolFinding, { kind: "directory" }>> = {}): PoolFinding => ({
  kind: "directory",
  exists: true,
  file: "none",
  hasVolumes: false,
  ...finding,
});
const file = (uuid: string, name = "fast") => ({ uuid, name, madeAt: "2026-01-01T00:00:00Z" });
const view = (change: Partial<PoolView> = {}): PoolView => ({
  name: "fast",
  path: "/root/fast",
  finding: disk(),
  recorded: undefined,
  named: undefined,
  ...change,
});
const plan = (change: Partial<PoolView>): string => {
  const made = planPool(view(change));
  return made.step === "notReady" ? made.reason : made.step === "ready" ? `ready ${made.uuid}` : made.step;
};

describe("a disk gets an identity", () => {
  test("only after somebody has asked whether the node had the pool", () => {
    expect(plan({})).toBe("ask");
    expect(plan({ named: false })).toBe("initialise");
    expect(plan({ named: false, finding: disk({ exists: false }) })).toBe("initialise");
  });
  test("never where the node has volumes of the pool", () => {
    expect(plan({ named: true })).toBe("NotMounted");
  });
  test("never where the StorageNode has one for the pool", () => {
    expect(plan({ recorded: "a", named: false })).toBe("NotMounted");
  });
  test("never where volumes lie already", () => {
    expect(plan({ named: false, finding: disk({ hasVolumes: true }) })).toBe("WrongDisk");
  });
});

describe("a disk with an identity", () => {
  test("is ready when it is the recorded one, or none is recorded", () => {
    expect(plan({ finding: disk({ file: file("a") }), recorded: "a" })).toBe("ready a");
    expect(plan({ finding: disk({ file: file("a") }) })).toBe("ready a");
  });
  test("is the wrong one when another is recorded", () => {
    expect(plan({ finding: disk({ file: file("b") }), recorded: "a" })).toBe("WrongDisk");
  });
  test("is the wrong one when it is of another pool, recorded or not", () => {
    expect(plan({ finding: disk({ file: file("a", "slow") }), recorded: "a" })).toBe("WrongDisk");
    expect(plan({ finding: disk({ file: file("a", "slow") }) })).toBe("WrongDisk");
  });
  test("that is damaged is not overwritten", () => {
    expect(plan({ finding: disk({ file: "damaged" }), named: false })).toBe("Unreadable");
  });
});

test("a path outside of the roots, past a symlink, or that cannot be read makes nothing", () => {
  expect(plan({ finding: { kind: "notBelowRoot", roots: ["/root"] }, named: false })).toBe("PathNotReachable");
  expect(plan({ finding: { kind: "notADirectory", at: "/root/fast" }, named: false })).toBe("PathNotReachable");
  expect(plan({ finding: { kind: "unreadable", why: "EIO" }, named: false })).toBe("Unreadable");
});
