import { expect, it } from "vitest";
import { pods } from "../../../kube/kinds.ts";
import { KubeClient } from "../../../kube/client.ts";
import { isTooManyRequests } from "../../../kube/errors.ts";
import type { LabApi } from "../lab-api.ts";
import { ADMIN } from "../request.ts";
import { pod, refused, testLab } from "../testing/lab.fixture.ts";

const PATH = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const at = { namespace: "default", name: "web" };

interface Review {
  readonly request: { readonly uid: string; readonly dryRun: boolean; readonly object: object; readonly name: string };
}

/** A lab with a pod and a webhook on evictions, which `answer` plays. */
async function labWith(answer: (review: Review) => object | Promise<object>, failurePolicy = "Ignore") {
  const lab = testLab();
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods/eviction"] }];
  const clientConfig = { service: { name: "hook", namespace: "default", path: "/eviction" } };
  const body = {
    metadata: { name: "hook" },
    webhooks: [
      {
        name: "evictions.test",
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        clientConfig,
        rules,
        failurePolicy,
      },
    ],
  };
  await lab.kube.request({ method: "POST", path: PATH, body });
  await lab.client.create(pods, pod());
  lab.api.callWebhooks(async (_to, review) => {
    const asked = review as Review;
    return { response: { uid: asked.request.uid, ...(await answer(asked)) } };
  });
  return lab;
}

const isThere = (api: LabApi): boolean => api.objects("pods").length > 0;

it("a webhook that refuses with 429 keeps the pod, in the API server's words", async () => {
  const status = { code: 429, reason: "TooManyRequests", message: "its data is not safe yet" };
  const { api, client } = await labWith(() => ({ allowed: false, status }));
  const error = await refused(client.evict(at));
  expect(isTooManyRequests(error)).toBe(true);
  expect(error.message).toBe('admission webhook "evictions.test" denied the request: its data is not safe yet');
  expect(isThere(api)).toBe(true);
});

it("a webhook is asked with the eviction, and what it allows is done, with its warnings", async () => {
  const seen: Review[] = [];
  const lab = await labWith((review) => {
    seen.push(review);
    return { allowed: true, warnings: ["it stays here"] };
  });
  const answer = await lab.api.handle({
    method: "POST",
    path: "/api/v1/namespaces/default/pods/web/eviction",
    query: {},
    body: { metadata: at, deleteOptions: { dryRun: ["All"] } },
    contentType: "application/json",
    accept: "application/json",
    user: { name: "me", groups: [] },
  });
  expect(answer).toMatchObject({ code: 201, warnings: ["it stays here"] });
  expect(seen[0]?.request).toMatchObject({
    name: "web",
    dryRun: false,
    userInfo: { username: "me" },
    object: { kind: "Eviction", deleteOptions: { dryRun: ["All"] } },
  });
  await lab.client.evict(at);
  expect(isThere(lab.api)).toBe(false);
});

it("a client in process is told of warnings", async () => {
  const { api } = await labWith(() => ({ allowed: true, warnings: ["it stays here"] }));
  const told: string[] = [];
  await new KubeClient(api.kube(ADMIN, (text) => told.push(text))).evict(at);
  expect(told).toEqual(["it stays here"]);
});

it.each([
  ["Ignore", false],
  ["Fail", true],
])("a webhook that cannot be asked decides by its failurePolicy: %s", async (policy, stays) => {
  const { api, client } = await labWith(() => Promise.reject(new Error("connection refused")), policy);
  await client.evict(at).catch(() => undefined);
  expect(isThere(api)).toBe(stays);
});

it("a webhook that does not answer is given up after its timeout", async () => {
  const { api, client, clock } = await labWith(() => new Promise(() => undefined));
  api.callWebhooks(
    (_to, _review, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("timed out")));
      }),
  );
  const evicting = client.evict(at);
  await clock.advance(10_000);
  await evicting;
  expect(isThere(api)).toBe(false);
});

it("other requests go on while a webhook thinks", async () => {
  let answer: (value: object) => void = () => undefined;
  const { api, client } = await labWith(() => new Promise<object>((resolve) => (answer = resolve)));
  const evicting = client.evict(at);
  await client.create(pods, pod("other"));
  answer({ allowed: true });
  await evicting;
  expect(api.objects("pods").map(({ metadata }) => metadata.name)).toEqual(["other"]);
});

it("a webhook is asked about a pod that is not there, as a real server does", async () => {
  let asked = 0;
  const { client } = await labWith(() => {
    asked++;
    return { allowed: true };
  });
  expect((await refused(client.evict({ ...at, name: "none" }))).code).toBe(404);
  expect(asked).toBe(1);
});

it("a configuration with what the lab does not evaluate is refused by its name", async () => {
  const { kube } = testLab();
  const matchConditions = [{ name: "one", expression: "true" }];
  const body = {
    metadata: { name: "hook" },
    webhooks: [{ name: "evictions.test", clientConfig: {}, matchConditions }],
  };
  const error = await refused(kube.request({ method: "POST", path: PATH, body }));
  expect(error.message).toContain("webhooks[0].matchConditions");
});
