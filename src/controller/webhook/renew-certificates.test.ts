import { webcrypto } from "node:crypto";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { renewCertificates } from "./renew-certificates.ts";
import { fromSecretData, toSecretData, type StoredCertificates } from "./stored-certificates.ts";
import { isAccepted, WEBHOOK_NAME } from "./testing/clients.fixture.ts";

const DAY_MS = 24 * 3_600_000;
const START = Date.UTC(2030, 0, 1);
const effects = { random: seededRandom(), web: webcrypto };
const NONE: StoredCertificates = { authorities: [], authority: undefined, serving: undefined };

const renew = (stored: StoredCertificates, published: readonly string[], now: number) =>
  renewCertificates(effects, { stored, published, now }, WEBHOOK_NAME);
const pemsOf = (certificates: readonly { readonly pem: string }[]) => certificates.map(({ pem }) => pem);
const accepted = ({ serving }: StoredCertificates, trusted: readonly string[], now: number): boolean =>
  isAccepted(serving && { cert: serving.pem }, trusted, now);

describe("renewal", () => {
  it("lets clients accept us through 25 years, whenever the bundle is published", async () => {
    let stored = await renew(NONE, [], START);
    let published = pemsOf(stored.authorities);
    const authorities = new Set(published);
    let changes = 0;
    for (let day = 5; day < 25 * 365; day += 5) {
      const now = START + day * DAY_MS;
      const next = await renew(stored, published, now);
      if (next.serving !== stored.serving) {
        changes += 1;
        // The bundle that clients have in the moment of the change.
        expect(accepted(next, published, now)).toBe(true);
      }
      if (next.authorities !== stored.authorities) expect(accepted(next, pemsOf(next.authorities), now)).toBe(true);
      for (const pem of pemsOf(next.authorities)) authorities.add(pem);
      expect(next.authorities.length).toBeLessThanOrEqual(2);
      // Due with 30 days to go, which must do for a look every 5 days and a bundle 20 days late.
      expect(next.serving?.notAfter).toBeGreaterThan(now);
      stored = next;
      // Publishing lags, as it does while the controller is down.
      if (day % 20 === 0) published = pemsOf(next.authorities);
    }
    // Every 60 days; and every 6.7 years.
    expect(changes).toBeGreaterThan(140);
    expect(changes).toBeLessThan(160);
    expect(authorities.size).toBe(4);
  });

  it("begins again after ten years in which nobody looked", async () => {
    const old = await renew(NONE, [], START);
    const now = START + 3651 * DAY_MS;
    const next = await renew(old, pemsOf(old.authorities), now);
    expect(next.authorities).toHaveLength(1);
    expect(accepted(next, pemsOf(next.authorities), now)).toBe(true);
  });

  it("never makes a serving certificate that outlives its authority", async () => {
    const old = await renew(NONE, [], START);
    const now = START + 3640 * DAY_MS;
    const { serving, authority } = await renew({ ...old, serving: undefined }, [], now);
    expect(serving?.notAfter).toBeLessThanOrEqual(authority?.notAfter ?? 0);
  });
});

describe("the Secret", () => {
  const read = (data: Readonly<Record<string, string>>, name = WEBHOOK_NAME) => fromSecretData(data, name, webcrypto);

  it("gives back what was put in", async () => {
    const stored = await renew(NONE, [], START);
    const back = await read(toSecretData(stored));
    expect(pemsOf(back.authorities)).toEqual(pemsOf(stored.authorities));
    expect(back.authority).toEqual(stored.authority);
    expect(back.serving).toEqual(stored.serving);
  });

  it("has no serving certificate where name, key or authority are another's", async () => {
    const data = toSecretData(await renew(NONE, [], START));
    const other = toSecretData(await renew(NONE, [], START));
    const part = (key: string): Record<string, string> => ({ ...data, [key]: other[key] ?? "" });
    expect((await read(data)).serving).toBeDefined();
    expect((await read(data, "another.storage.svc")).serving).toBeUndefined();
    expect((await read(part("tls.key"))).serving).toBeUndefined();
    expect((await read(part("ca.crt"))).serving).toBeUndefined();
  });

  it("has no authority where its key is another's", async () => {
    const data = toSecretData(await renew(NONE, [], START));
    const other = toSecretData(await renew(NONE, [], START));
    const mixed = await read({ ...data, "ca.key": other["ca.key"] ?? "" });
    expect(mixed.authority).toBeUndefined();
    expect(mixed.authorities).toHaveLength(1);
    expect(mixed.serving).toBeDefined();
  });

  it("is empty when it holds rubbish", async () => {
    const rubbish = Buffer.from("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----").toString("base64");
    expect(await read({ "ca.crt": rubbish, "tls.crt": rubbish, "tls.key": "%%%" })).toEqual(NONE);
    expect(await read({})).toEqual(NONE);
  });
});
