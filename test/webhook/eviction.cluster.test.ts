/*
 * The eviction webhook behind a real API server: that it is trusted by the name of its Service,
 * what it is told, and what evictors make of its answers. The process stands in the control
 * plane's network; an EndpointSlice made by hand names it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startCluster, type Cluster } from "../cluster/cluster.ts";
import { waitFor } from "../cluster/wait.ts";
import { closeSharedGround } from "../stories/support/shared-ground.ts";

const PORT = 8443;
let cluster: Cluster;
let webhook: ChildProcess | undefined;
let said = "";

const CONFIGURATION = `
apiVersion: v1
kind: Service
metadata: {name: mooring-webhook, namespace: default}
spec: {ports: [{name: https, port: 443, targetPort: ${String(PORT)}}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: mooring-webhook, namespace: default, labels: {kubernetes.io/service-name: mooring-webhook}}
addressType: IPv4
ports: [{name: https, port: ${String(PORT)}}]
endpoints: [{addresses: [10.77.0.1], conditions: {ready: true}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: mooring}
webhooks:
  - name: eviction.mooring.dev
    admissionReviewVersions: [v1]
    sideEffects: NoneOnDryRun
    failurePolicy: Fail
    timeoutSeconds: 2
    rules: [{apiGroups: [""], apiVersions: [v1], resources: [pods/eviction], operations: [CREATE]}]
    clientConfig: {service: {name: mooring-webhook, namespace: default, path: /eviction}}
`;

const podNamed = (name: string, answer: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: default, annotations: {answer: ${answer}}}
spec:
  nodeName: bare-1
  terminationGracePeriodSeconds: 0
  automountServiceAccountToken: false
  containers: [{name: main, image: nothing}]
`;

/** The API server's answer to an eviction; "" when it was let through. */
async function evict(name: string, body: object = {}, query = ""): Promise<string> {
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "default" }, ...body };
  const path = `/api/v1/namespaces/default/pods/${name}/eviction${query}`;
  return await cluster.api.request(path, { method: "POST", body: eviction }).then(
    () => "",
    (error: Error) => error.message,
  );
}

async function newPod(name: string, answer: string): Promise<void> {
  const { code, stderr } = await cluster.kubectl(["apply", "-f", "-"], { stdin: podNamed(name, answer) });
  expect(stderr).toBe("");
  expect(code).toBe(0);
}

const askedAbout = (name: string): readonly unknown[] =>
  said
    .split("\n")
    .filter((line) => line.startsWith('{"asked"'))
    .map((line) => (JSON.parse(line) as { asked: { name: string } }).asked)
    .filter((asked) => asked.name === name);

beforeAll(async () => {
  if (process.env["MOORING_GROUND"] !== undefined) return;
  await closeSharedGround();
  cluster = await startCluster({ nodes: 0, bareNodes: 1, log: (line) => process.stderr.write(`${line}\n`) });
  await cluster.kubectl(["apply", "-f", "-"], { stdin: CONFIGURATION });
  // Beside the cluster's own, it goes with the cluster.
  const kubeconfig = join(dirname(cluster.kubeconfig), "webhook-kubeconfig");
  const own = await readFile(cluster.kubeconfig, "utf8");
  await writeFile(kubeconfig, own.replace(/server: .*/, "server: https://10.77.0.1"));
  const argv = [process.execPath, "--import", "tsx", "test/webhook/serve-main.ts", kubeconfig, String(PORT)];
  const [command = "", ...args] = [...cluster.insideArgv, ...argv];
  webhook = spawn(command, args, { env: { ...process.env, ...cluster.environment } });
  for (const stream of [webhook.stdout, webhook.stderr])
    stream?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await newPod("first", "hold");
  // The API server takes in the configuration, and then its bundle.
  const first = async (saw: (what: unknown) => void): Promise<true | undefined> => {
    const answer = await evict("first", {}, "?dryRun=All");
    saw(`${answer}\n${said}`);
    return answer.includes("being copied") || undefined;
  };
  await waitFor("the webhook to answer", first, { timeoutMs: 120_000 });
});
beforeEach(({ skip }) => {
  if (process.env["MOORING_GROUND"] !== undefined) skip("this test starts a cluster of its own");
});
afterAll(async () => {
  webhook?.kill();
  if (process.env["MOORING_GROUND"] === undefined) await cluster.close();
});

test("an eviction that is held is a 429 with our words, and the pod stays", async () => {
  await newPod("held", "hold");
  const deleteOptions = { gracePeriodSeconds: 7, preconditions: { uid: "another" } };
  expect(await evict("held", { deleteOptions })).toMatch(
    /429.*admission webhook "eviction\.mooring\.dev" denied the request: Eviction triggered evacuation: being copied/,
  );
  await expect
    .poll(() => askedAbout("held"))
    .toMatchObject([{ namespace: "default", dryRun: false, uidPrecondition: "another", gracePeriodSeconds: 7 }]);
  expect((await cluster.kubectl(["get", "pod", "held"])).code).toBe(0);
});

test("a dry run is told, of the request and of the body", async () => {
  await newPod("dry", "pass");
  expect(await evict("dry", {}, "?dryRun=All")).toBe("");
  expect(await evict("dry", { deleteOptions: { dryRun: ["All"] } })).toBe("");
  await expect.poll(() => askedAbout("dry")).toMatchObject([{ dryRun: true }, { dryRun: true }]);
});

test("an old autoscaler's Eviction of policy/v1beta1 is understood", async () => {
  await newPod("old", "hold");
  expect(await evict("old", { apiVersion: "policy/v1beta1" })).toContain("being copied");
});

test("kubectl drain prints why, takes what is gone for done, and ends when it may", async () => {
  for (const [name, answer] of [
    ["gone", "gone"],
    ["warned", "warn"],
    ["waits", "hold"],
  ] as const) {
    await newPod(name, answer);
  }
  await cluster.kubectl(["delete", "pod", "first", "held", "dry", "old"]);
  const drained = cluster.kubectl(["drain", "bare-1", "--force", "--timeout=60s"]);
  await expect.poll(() => askedAbout("waits").length).toBeGreaterThan(1);
  await cluster.kubectl(["annotate", "pod", "waits", "answer=pass", "--overwrite"]);
  const { code, stdout, stderr } = await drained;
  expect(stderr).toContain("Eviction triggered evacuation: being copied");
  expect(stderr).toContain("it does not move");
  expect(stdout).toContain("node/bare-1 drained");
  expect(code).toBe(0);
  expect((await cluster.kubectl(["get", "pods", "--output=name"])).stdout.trim()).toBe("pod/gone");
});

test("a decision that does not come is a 429 before the API server gives up", async () => {
  await newPod("late", "late");
  // The API server waits half a second longer. On a busy machine that is not always enough.
  await expect.poll(() => evict("late")).toMatch(/429.*could not decide within 1.5 s/);
});

test("a foreign bundle is put back, and a deleted Secret is made anew", async () => {
  const path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/mooring";
  const patch = [{ op: "remove", path: "/webhooks/0/clientConfig/caBundle" }];
  await newPod("trusted", "hold");
  await cluster.api.request(path, { method: "PATCH", contentType: "application/json-patch+json", body: patch });
  await expect.poll(() => evict("trusted")).toContain("being copied");
  await cluster.kubectl(["delete", "secret", "mooring-webhook"]);
  await expect.poll(() => cluster.kubectl(["get", "secret", "mooring-webhook"]).then(({ code }) => code)).toBe(0);
  await expect.poll(() => evict("trusted")).toContain("being copied");
});
