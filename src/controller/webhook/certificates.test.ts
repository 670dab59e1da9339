import { webcrypto } from "node:crypto";
import { connect } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../effects/node/clock.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import type { Secret, ValidatingWebhookConfiguration } from "../../kube/kinds.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { serveHttps, type ServingCertificate } from "../../observe/https-server.ts";
import { recordingLog } from "../../observe/testing/recording-log.fixture.ts";
import { RECHECK_MS, WebhookCertificates } from "./certificates.ts";
import { isAccepted, WEBHOOK_NAME as NAME } from "./testing/clients.fixture.ts";
import { splitPem } from "./stored-certificates.ts";

const SECRET = "/api/v1/namespaces/storage/secrets/mooring-webhook";
const CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/mooring";
const DAY_MS = 24 * 3_600_000;

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

function newCluster() {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const kube = new LabKube({ clock });
  const log = recordingLog();
  const configuration = (caBundle?: string): ValidatingWebhookConfiguration => ({
    metadata: { name: "mooring" },
    webhooks: ["a.mooring.dev", "b.mooring.dev"].map((name) => ({
      name,
      admissionReviewVersions: ["v1"],
      sideEffects: "NoneOnDryRun",
      clientConfig: {
        service: { name: "mooring-webhook", namespace: "storage" },
        ...(caBundle === undefined ? {} : { caBundle }),
      },
    })),
  });
  kube.put("/api/v1/namespaces/storage", {});
  kube.put(CONFIGURATION, configuration());
  const secretData = (): Record<string, string> => {
    const { data = {} } = (kube.at(SECRET) ?? {}) as Secret;
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]));
  };
  /** What API servers trust, by the webhooks of the configuration. */
  const trusted = (): readonly string[] => {
    const { webhooks = [] } = kube.at(CONFIGURATION) as ValidatingWebhookConfiguration;
    const bundles = webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? "", "base64").toString());
    expect(new Set(bundles).size).toBe(1);
    return splitPem(bundles[0] ?? "");
  };
  /** Starts a replica, with or without the loop of a leader. */
  const start = (leads: boolean) => {
    const stop = new AbortController();
    const used: ServingCertificate[] = [];
    const certificates = new WebhookCertificates(
      { client: new KubeClient(kube), clock, log, random: seededRandom(), web: webcrypto },
      { namespace: "storage", service: "mooring-webhook", configuration: "mooring" },
    );
    const runs = [certificates.follow((certificate) => void used.push(certificate), stop.signal)];
    if (leads) runs.push(certificates.lead(stop.signal));
    const end = async (): Promise<void> => {
      stop.abort();
      await Promise.all(runs);
    };
    stops.push(end);
    return { used, end };
  };
  return { kube, clock, log, configuration, secretData, trusted, start };
}

describe("the webhook's certificates", () => {
  it("are made by a replica that does not lead", async () => {
    const { clock, secretData, start } = newCluster();
    const replica = start(false);
    await expect.poll(() => replica.used.length).toBe(1);
    await clock.advance(0);
    const data = secretData();
    expect(Object.keys(data).toSorted()).toEqual(["ca.crt", "ca.key", "tls.crt", "tls.key"]);
    expect(replica.used).toEqual([{ cert: data["tls.crt"], key: data["tls.key"] }]);
  });

  it("are one Secret, however many replicas start at once", async () => {
    const { kube, start } = newCluster();
    const replicas = [start(true), start(false), start(false)];
    await expect.poll(() => replicas.every(({ used }) => used.length > 0)).toBe(true);
    const served = replicas.map(({ used }) => used.at(-1)?.cert);
    expect(new Set(served).size).toBe(1);
    expect(kube.log.filter((line) => line.startsWith("POST")).length).toBeGreaterThan(1);
  });

  it("are good for a real TLS client that trusts the published bundle", async () => {
    const cluster = newCluster();
    // A real client looks at the real time.
    cluster.clock.jumpWallClock(Date.now() - cluster.clock.now());
    const replica = cluster.start(true);
    await expect.poll(() => cluster.trusted().length).toBe(1);
    await expect.poll(() => replica.used.length).toBe(1);
    const [certificate] = replica.used;
    if (certificate === undefined) throw new Error("no certificate");
    const server = await serveHttps({ port: 0, certificate, clock: systemClock(), log: cluster.log }, () => ({
      status: 200,
      body: "",
    }));
    stops.push(() => server.close());
    const authorized = (servername: string) =>
      new Promise<string>((resolve) => {
        const socket = connect({ port: server.port, servername, ca: [...cluster.trusted()] }, () => {
          resolve("authorized");
          socket.destroy();
        });
        socket.on("error", (error: NodeJS.ErrnoException) => {
          resolve(error.code ?? error.message);
        });
      });
    expect(await authorized(NAME)).toBe("authorized");
    expect(await authorized("mooring-webhook.other.svc")).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  it("are renewed by the leader, and every replica changes over", async () => {
    const { clock, start, trusted } = newCluster();
    const leader = start(true);
    const other = start(false);
    await expect.poll(() => trusted().length).toBe(1);
    await expect.poll(() => other.used.length).toBe(1);
    clock.jumpWallClock(61 * DAY_MS);
    const served = async (): Promise<number> => {
      await clock.advance(RECHECK_MS);
      return other.used.length;
    };
    await expect.poll(served).toBe(2);
    expect(isAccepted(other.used[1], trusted(), clock.now())).toBe(true);
    await expect.poll(() => leader.used).toEqual(other.used);
  });

  it("are trusted again when somebody has changed the configuration", async () => {
    const { configuration, kube, start, trusted } = newCluster();
    start(true);
    await expect.poll(() => trusted().length).toBe(1);
    const [own] = trusted();
    kube.put(CONFIGURATION, configuration(Buffer.from("-----BEGIN CERTIFICATE-----\nx\n").toString("base64")));
    await expect.poll(() => trusted()).toEqual([own]);
    kube.remove(CONFIGURATION);
    kube.put(CONFIGURATION, configuration());
    await expect.poll(() => trusted()).toEqual([own]);
  });

  it("are made anew when somebody deletes the Secret", async () => {
    const { clock, kube, start, trusted } = newCluster();
    const leader = start(true);
    const other = start(false);
    await expect.poll(() => other.used.length).toBe(1);
    await expect.poll(() => trusted().length).toBe(1);
    kube.remove(SECRET);
    await expect.poll(() => other.used.length).toBe(2);
    await expect.poll(() => isAccepted(other.used.at(-1), trusted(), clock.now())).toBe(true);
    await expect.poll(() => leader.used.at(-1)).toEqual(other.used.at(-1));
  });

  it("are made anew by the leader alone when the stored ones are damaged", async () => {
    const { clock, kube, log, start, trusted } = newCluster();
    kube.put(SECRET, {
      metadata: { name: "mooring-webhook", namespace: "storage" },
      data: { "tls.crt": "eA==" },
    } as Secret);
    const other = start(false);
    await expect.poll(() => log.lines.some(({ level }) => level === "warn")).toBe(true);
    expect(other.used).toEqual([]);
    start(true);
    await expect.poll(() => isAccepted(other.used.at(-1), trusted(), clock.now())).toBe(true);
  });

  it("leave the rest of the Secret as it is", async () => {
    const { kube, secretData, start } = newCluster();
    kube.put(SECRET, { metadata: { name: "mooring-webhook", namespace: "storage" }, data: { note: "eA==" } } as Secret);
    const leader = start(true);
    await expect.poll(() => leader.used.length).toBe(1);
    expect(secretData()["note"]).toBe("x");
  });
});
