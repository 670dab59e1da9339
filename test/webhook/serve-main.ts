// The eviction webhook as a process of its own, for the test beside it: it keeps its certificates
// as the controller does, and answers what a pod's annotation `answer` says. It prints what it was
// asked, one JSON document a line.
import { webcrypto } from "node:crypto";
import { Registry } from "prom-client";
import { connectTo } from "../../src/programs/mooring/connect.ts";
import { evictionHandler } from "../../src/controller/webhook/handler.ts";
import type { EvictionAnswer, EvictionRequest } from "../../src/controller/webhook/review.ts";
import { WebhookCertificates } from "../../src/controller/webhook/certificates.ts";
import { systemClock } from "../../src/effects/node/clock.ts";
import { systemFiles } from "../../src/effects/node/files.ts";
import { systemRandom } from "../../src/effects/node/random.ts";
import { systemRunner } from "../../src/effects/node/runner.ts";
import { KubeClient } from "../../src/kube/client.ts";
import { pods } from "../../src/kube/kinds.ts";
import { KubeMetrics } from "../../src/kube/metrics.ts";
import { serveHttps, type HttpsServer } from "../../src/observe/https-server.ts";
import { pinoLog } from "../../src/observe/pino.ts";

const [kubeconfig, port] = process.argv.slice(2);
const effects = {
  clock: systemClock(),
  random: systemRandom(),
  files: systemFiles(),
  runner: systemRunner(),
  log: pinoLog({ level: "info" }),
  env: process.env,
  metrics: new KubeMetrics(new Registry()),
};
const { kube } = await connectTo(effects, kubeconfig);
const client = new KubeClient(kube);

async function decide(eviction: EvictionRequest, signal: AbortSignal): Promise<EvictionAnswer> {
  const pod = await client.get(pods, eviction, { signal });
  const answer = pod.metadata.annotations?.["answer"];
  console.log(JSON.stringify({ asked: eviction }));
  if (answer === "hold") return { answer, message: "Eviction triggered evacuation: being copied" };
  if (answer === "gone") return { answer, message: "it has moved" };
  if (answer === "late") await new Promise(() => undefined);
  return { answer: "pass", ...(answer === "warn" ? { warning: "it does not move" } : {}) };
}

const stop = new AbortController().signal;
const certificates = new WebhookCertificates(
  { ...effects, client, web: webcrypto },
  { namespace: "default", service: "mooring-webhook", configuration: "mooring" },
);
const handler = evictionHandler({ ...effects, decide });
let server: HttpsServer | undefined;
await Promise.all([
  certificates.follow(async (certificate) => {
    if (server === undefined) server = await serveHttps({ ...effects, port: Number(port), certificate }, handler);
    else server.exchange(certificate);
  }, stop),
  certificates.lead(stop),
]);
