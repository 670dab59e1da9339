import { describe, expect, it } from "vitest";
import { nodes, pods } from "../../../kube/kinds.ts";
import { defineResource } from "../../../kube/resource.ts";
import type { KubeObject } from "../../../kube/objects.ts";
import { pod, refused, testLab, type TestLab } from "../testing/lab.fixture.ts";

const PODS = "/api/v1/namespaces/default/pods";
const web = { namespace: "default", name: "web" };
const budgets = defineResource<KubeObject & { spec?: unknown; status?: unknown }>({
  group: "policy",
  version: "v1",
  plural: "poddisruptionbudgets",
  kind: "PodDisruptionBudget",
  namespaced: true,
});

async function bind({ kube }: TestLab, name: string, more: object = {}): Promise<unknown> {
  const body = { metadata: { name, ...more }, target: { kind: "Node", name: "n" } };
  return await kube.request({ method: "POST", path: `${PODS}/${name}/binding`, body });
}

async function runningPod(lab: TestLab, name = "web", ready = "True"): Promise<void> {
  await lab.client.create(pods, pod(name, { labels: { app: "web" } }));
  await bind(lab, name);
  const status = { phase: "Running", conditions: [{ type: "Ready", status: ready }] };
  await lab.client.patchMerge(pods, { namespace: "default", name }, { status }, { subresource: "status" });
}

async function budget({ client }: TestLab, name: string, status: object): Promise<void> {
  const selector = { matchLabels: { app: "web" } };
  await client.create(budgets, { metadata: { name, namespace: "default" }, spec: { minAvailable: 1, selector } });
  const full = {
    observedGeneration: 1,
    currentHealthy: 2,
    desiredHealthy: 1,
    disruptionsAllowed: 1,
    expectedPods: 2,
    ...status,
  };
  await client.patchMerge(budgets, { namespace: "default", name }, { status: full }, { subresource: "status" });
}

describe("a binding", () => {
  it("puts the pod onto the node and says that it is scheduled", async () => {
    const lab = testLab();
    await lab.client.create(pods, pod());
    expect(await bind(lab, "web")).toMatchObject({ kind: "Status", status: "Success", code: 201 });
    expect(await lab.client.get(pods, web)).toMatchObject({
      spec: { nodeName: "n" },
      status: { conditions: [{ type: "PodScheduled", status: "True", lastTransitionTime: "2030-01-01T00:00:00Z" }] },
      metadata: { generation: 1 },
    });
  });

  it("of a pod that is bound, or is another by now, is a conflict", async () => {
    const lab = testLab();
    await lab.client.create(pods, pod());
    expect(await refused(bind(lab, "web", { uid: "other" }))).toMatchObject({ code: 409, reason: "Conflict" });
    await bind(lab, "web");
    expect(await refused(bind(lab, "web"))).toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "n"',
    });
  });
});

describe("an eviction", () => {
  it("without a budget deletes the pod and marks it", async () => {
    const lab = testLab();
    await runningPod(lab);
    await lab.client.evict(web);
    const evicted = await lab.client.get(pods, web);
    expect(evicted.metadata?.deletionGracePeriodSeconds).toBe(30);
    expect(evicted.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "DisruptionTarget", reason: "EvictionByEvictionAPI" }),
    );
  });

  it("spends the budget, and is refused with 429 and its cause when that is used up", async () => {
    const lab = testLab();
    await runningPod(lab);
    await runningPod(lab, "other");
    await budget(lab, "b", {});
    await lab.client.evict(web);
    expect(await lab.client.get(budgets, { namespace: "default", name: "b" })).toMatchObject({
      status: { disruptionsAllowed: 0, disruptedPods: { web: "2030-01-01T00:00:00Z" } },
    });
    const status = { currentHealthy: 1, desiredHealthy: 1 };
    await lab.client.patchMerge(budgets, { namespace: "default", name: "b" }, { status }, { subresource: "status" });
    expect(await refused(lab.client.evict({ ...web, name: "other" }))).toMatchObject({
      code: 429,
      reason: "TooManyRequests",
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      retryAfterSeconds: undefined,
      details: {
        causes: [
          { reason: "DisruptionBudget", message: "The disruption budget b needs 1 healthy pods and has 1 currently" },
        ],
      },
    });
  });

  it("waits for a budget that its controller has not looked at", async () => {
    const lab = testLab();
    await runningPod(lab);
    await budget(lab, "b", { observedGeneration: 0 });
    expect(await refused(lab.client.evict(web))).toMatchObject({ code: 429, retryAfterSeconds: 10 });
  });

  it("under two budgets is an error of the server", async () => {
    const lab = testLab();
    await runningPod(lab);
    await budget(lab, "a", {});
    await budget(lab, "b", {});
    expect(await refused(lab.client.evict(web))).toMatchObject({
      code: 500,
      message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    });
  });

  it("of an unready pod is free while enough others are healthy", async () => {
    const lab = testLab();
    await runningPod(lab, "web", "False");
    await budget(lab, "b", { disruptionsAllowed: 0 });
    await lab.client.evict(web);
    expect((await lab.client.get(pods, web)).metadata?.deletionTimestamp).toBeDefined();
  });

  it("of another uid is a conflict, of nothing 404, and as a dry run changes nothing", async () => {
    const lab = testLab();
    await runningPod(lab);
    expect(await refused(lab.client.evict({ ...web, uid: "other" }))).toMatchObject({ code: 409 });
    expect(await refused(lab.client.evict({ ...web, name: "none" }))).toMatchObject({ code: 404 });
    const before = lab.api.resourceVersion;
    await lab.client.evict(web, { dryRun: true });
    expect(lab.api.resourceVersion).toBe(before);
  });
});

describe("scale", () => {
  it("reads and writes the replicas of a workload", async () => {
    const { kube } = testLab();
    const path = "/apis/apps/v1/namespaces/default/statefulsets";
    const template = { metadata: { labels: { app: "db" } }, spec: { containers: [{ name: "c", image: "i" }] } };
    const spec = { serviceName: "db", selector: { matchLabels: { app: "db" } }, template };
    await kube.request({ method: "POST", path, body: { metadata: { name: "db" }, spec } });
    expect(await kube.request({ method: "GET", path: `${path}/db/scale` })).toMatchObject({
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      spec: { replicas: 1 },
      status: { selector: "app=db" },
    });
    const patch = { method: "PATCH", path: `${path}/db/scale`, contentType: "application/merge-patch+json" } as const;
    await kube.request({ ...patch, body: { spec: { replicas: 3 } } });
    expect(await kube.request({ method: "GET", path: `${path}/db` })).toMatchObject({
      spec: { replicas: 3 },
      metadata: { generation: 2 },
    });
    expect(await refused(kube.request({ ...patch, body: { spec: { replicas: -1 } } }))).toMatchObject({ code: 422 });
  });
});

describe("a token request", () => {
  it("gives a token that is the service account's until it expires, and tells the pod's node", async () => {
    const lab = testLab();
    const accounts = "/api/v1/namespaces/default/serviceaccounts";
    await lab.kube.request({ method: "POST", path: accounts, body: { metadata: { name: "bot" } } });
    await lab.client.create(nodes, { metadata: { name: "n" } });
    await lab.client.create(pods, pod("web", { spec: { serviceAccountName: "bot" } }));
    await bind(lab, "web");
    const spec = { expirationSeconds: 600, boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "web" } };
    const made = await lab.kube.request<{ status: { token: string } }>({
      method: "POST",
      path: `${accounts}/bot/token`,
      body: { spec },
    });
    const user = lab.api.tokens.userOf(made.status.token);
    expect(user).toMatchObject({
      name: "system:serviceaccount:default:bot",
      extra: { "authentication.kubernetes.io/node-name": ["n"] },
    });
    await lab.clock.advance(600_000);
    expect(lab.api.tokens.userOf(made.status.token)).toBeUndefined();
    expect(
      await refused(lab.kube.request({ method: "POST", path: `${accounts}/none/token`, body: { spec } })),
    ).toMatchObject({ code: 404 });
  });
});

it("logs are those of whoever plays the pods", async () => {
  const lab = testLab();
  await lab.client.create(pods, pod());
  lab.api.servePodLogs((of, query) => `${of.name} ${query["container"] ?? ""}\n`);
  expect(await lab.client.podLog(web, { container: "main" })).toBe("web main\n");
  expect(await refused(lab.client.podLog({ ...web, name: "none" }, { container: "main" }))).toMatchObject({
    code: 404,
  });
});
