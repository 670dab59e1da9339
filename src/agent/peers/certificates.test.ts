import { webcrypto, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { systemRandom } from "../../effects/node/random.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { certificatesInMemory } from "./certificate-file.ts";
import { LIFETIME_MS, planRotation, PUBLISH_MS, shownCertificate, type Certificate } from "./certificates.ts";
import { silentLog } from "../../observe/log.ts";
import { AgentIdentity } from "./identity.ts";
import { makeCertificate } from "./make-certificate.ts";

const DAY_MS = 24 * 3_600_000;
const at = (madeAt: number): Certificate => ({ cert: "", key: "", fingerprint: String(madeAt), madeAt });

describe("the rotation", () => {
  it("makes the first certificate, which is shown at once", () => {
    expect(planRotation([], 0)).toEqual({ step: "make" });
    expect(shownCertificate([at(0)], 0)?.madeAt).toBe(0);
    expect(planRotation([at(0)], 0)).toEqual({ step: "wait", untilMs: 15 * DAY_MS });
  });

  it("makes the next one after half of its life", () => {
    expect(planRotation([at(0)], 15 * DAY_MS - 1)).toEqual({ step: "wait", untilMs: 15 * DAY_MS });
    expect(planRotation([at(0)], 15 * DAY_MS)).toEqual({ step: "make" });
  });

  it("shows the next one only when it was published for a while, and then drops the old one", () => {
    const both = [at(0), at(15 * DAY_MS)];
    const made = 15 * DAY_MS;
    expect(shownCertificate(both, made + PUBLISH_MS - 1)?.madeAt).toBe(0);
    expect(planRotation(both, made)).toEqual({ step: "wait", untilMs: made + PUBLISH_MS });
    expect(shownCertificate(both, made + PUBLISH_MS)?.madeAt).toBe(made);
    expect(planRotation(both, made + PUBLISH_MS)).toEqual({ step: "wait", untilMs: made + 2 * PUBLISH_MS });
    expect(planRotation(both, made + 2 * PUBLISH_MS)).toEqual({ step: "drop", fingerprints: ["0"] });
    expect(planRotation([at(made)], made + 2 * PUBLISH_MS)).toEqual({ step: "wait", untilMs: made + 15 * DAY_MS });
  });

  it("is not upset by a clock that jumps back", () => {
    expect(planRotation([at(5 * DAY_MS)], 0)).toEqual({ step: "wait", untilMs: 20 * DAY_MS });
    expect(shownCertificate([at(5 * DAY_MS)], 0)?.madeAt).toBe(5 * DAY_MS);
  });

  it("never shows a certificate that was not published an hour ago, nor drops one that was shown within the hour", async () => {
    const clock = manualClock();
    const store = certificatesInMemory();
    let made = 0;
    const make = (now: number): Promise<Certificate> => Promise.resolve({ ...at(now), fingerprint: String(++made) });
    const identity = new AgentIdentity({ clock, store, make, log: silentLog });
    let before = await identity.current();
    for (let minutes = 0; minutes < 100 * 24 * 60; minutes += 50) {
      await clock.advance(50 * 60_000);
      const now = await identity.current();
      expect(before.fingerprints).toContain(now.shown.fingerprint);
      expect(now.fingerprints).toContain(before.shown.fingerprint);
      before = now;
    }
    expect(made).toBe(7);
    expect((await new AgentIdentity({ clock, store, make, log: silentLog }).current()).shown).toEqual(before.shown);
  });

  describe("on a disk that is full", () => {
    const onFullDisk = () => {
      const clock = manualClock();
      const disk = certificatesInMemory();
      let full = true;
      let made = 0;
      const identity = new AgentIdentity({
        clock,
        store: {
          load: () => disk.load(),
          save: (certificates) => (full ? Promise.reject(new Error("ENOSPC")) : disk.save(certificates)),
        },
        make: (now) => Promise.resolve({ ...at(now), fingerprint: String(++made) }),
        log: silentLog,
      });
      const isFull = (is: boolean): void => {
        full = is;
      };
      return { clock, disk, identity, isFull };
    };

    it("continues with the ones it has, and renews them once there is room", async () => {
      const { clock, identity, isFull } = onFullDisk();
      isFull(false);
      const before = await identity.current();
      isFull(true);
      await clock.advance(16 * DAY_MS);
      expect(await identity.current()).toEqual(before);
      isFull(false);
      const { fingerprints, shown } = await identity.current();
      expect(shown).toEqual(before.shown);
      expect(fingerprints).toHaveLength(2);
    });

    it("begins with one in memory, and stores that once there is room", async () => {
      const { disk, identity, isFull } = onFullDisk();
      const before = await identity.current();
      expect(await identity.current()).toEqual(before);
      expect(await disk.load()).toEqual([]);
      isFull(false);
      expect(await identity.current()).toEqual(before);
      expect(await disk.load()).toEqual([before.shown]);
    });
  });
});

describe("a certificate", () => {
  it("is for a month, for server and client, and has the fingerprint that TLS shows", async () => {
    const now = Date.UTC(2030, 0, 1);
    const made = await makeCertificate({ random: systemRandom(), web: webcrypto as webcrypto.Crypto }, now);
    const certificate = new X509Certificate(made.cert);
    expect(certificate.fingerprint256.replaceAll(":", "").toLowerCase()).toBe(made.fingerprint);
    expect(Date.parse(certificate.validTo)).toBe(now + LIFETIME_MS);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  });

  it("is made once by two who ask at the same time", async () => {
    let made = 0;
    const make = (now: number): Promise<Certificate> => Promise.resolve({ ...at(now), fingerprint: String(++made) });
    const identity = new AgentIdentity({ clock: manualClock(), store: certificatesInMemory(), make, log: silentLog });
    await Promise.all([identity.current(), identity.current()]);
    expect(made).toBe(1);
  });
});
