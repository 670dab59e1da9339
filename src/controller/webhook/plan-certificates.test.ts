import { describe, expect, it } from "vitest";
import { planCertificates } from "./plan-certificates.ts";
import type { OwnCertificate, StoredCertificates } from "./stored-certificates.ts";

const NOW = Date.UTC(2030, 0, 1);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A certificate of so many days, of which so many remain. */
const certificate = (pem: string, life: number, remaining: number): OwnCertificate => ({
  pem,
  key: `key of ${pem}`,
  notBefore: NOW - (life - remaining) * DAY,
  notAfter: NOW + remaining * DAY,
});
const ca = certificate("ca", 3650, 2000);
const serving = certificate("serving", 90, 50);
const good: StoredCertificates = { authorities: [ca], authority: ca, serving };
const plan = (changes: Partial<StoredCertificates>, published: readonly string[] = ["ca"], now = NOW) =>
  planCertificates({ stored: { ...good, ...changes }, published, now });

describe("certificates that are good", () => {
  it("are left alone", () => {
    expect(plan({})).toEqual({ step: "nothing" });
  });

  it("are left alone while a third of their life remains", () => {
    const authority = certificate("ca", 3650, 1217);
    expect(plan({ authorities: [authority], authority, serving: certificate("s", 90, 30) })).toEqual({
      step: "nothing",
    });
  });
});

describe("an authority", () => {
  it("is made where there is none", () => {
    expect(plan({ authorities: [], authority: undefined, serving: undefined }).step).toBe("make-authority");
  });

  it("is made where the key of the old one is lost", () => {
    expect(plan({ authority: undefined }).step).toBe("make-authority");
  });

  it("is made when less than a third of the old one's life remains", () => {
    const authority = certificate("ca", 3650, 1216);
    expect(plan({ authorities: [authority], authority }).step).toBe("make-authority");
  });

  it("is made where the old one is not valid yet, for a clock was wrong", () => {
    const authority = { ...ca, notBefore: NOW + DAY };
    expect(plan({ authorities: [authority], authority }).step).toBe("make-authority");
  });

  it("leaves the bundle when it has expired, before anything else", () => {
    const old = certificate("old", 3650, 0);
    expect(plan({ authorities: [ca, old], serving: undefined }).step).toBe("drop-expired");
  });
});

describe("a serving certificate", () => {
  const due = certificate("serving", 90, 29);

  it("is made at once where none works", () => {
    const fresh = { ...ca, notBefore: NOW - HOUR };
    expect(plan({ authorities: [fresh], authority: fresh, serving: undefined }, []).step).toBe("make-serving");
    expect(plan({ serving: certificate("serving", 90, 0) }, []).step).toBe("make-serving");
    expect(plan({ serving: { ...serving, notBefore: NOW + DAY } }, []).step).toBe("make-serving");
  });

  it("is made when less than a third of the old one's life remains", () => {
    expect(plan({ serving: due }).step).toBe("make-serving");
  });

  it("is not signed by an authority that is not published", () => {
    expect(plan({ serving: due }, ["another"])).toEqual({ step: "nothing" });
  });

  it("is not signed by an authority that is younger than an hour", () => {
    // Valid from an hour before it was made.
    const made = (ago: number): OwnCertificate => ({ ...ca, notBefore: NOW - HOUR - ago });
    const young = made(HOUR - 1);
    const settled = made(HOUR);
    expect(plan({ authorities: [young, ca], authority: young, serving: due })).toEqual({ step: "nothing" });
    expect(plan({ authorities: [settled, ca], authority: settled, serving: due }).step).toBe("make-serving");
  });
});
