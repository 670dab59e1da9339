import { describe, expect, it } from "vitest";
import { KubeClient } from "../../../kube/client.ts";
import { nodes, pods, selfSubjectAccessReviews } from "../../../kube/kinds.ts";
import { refused, testLab, type TestLab } from "../testing/lab.fixture.ts";

const ACCOUNT = {
  name: "system:serviceaccount:default:bot",
  groups: ["system:serviceaccounts", "system:authenticated"],
};
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const subjects = [{ kind: "ServiceAccount", name: "bot", namespace: "default" }];

async function strictLab(): Promise<TestLab & { bot: KubeClient }> {
  const lab = testLab({ strictRbac: true });
  const post = async (path: string, body: object): Promise<void> => {
    await lab.kube.request({ method: "POST", path: `${RBAC}${path}`, body });
  };
  await post("/clusterroles", {
    metadata: { name: "nodes" },
    rules: [
      { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list"] },
      { apiGroups: [""], resources: ["persistentvolumes/status"], verbs: ["patch"] },
    ],
  });
  await post("/clusterrolebindings", {
    metadata: { name: "nodes" },
    roleRef: { kind: "ClusterRole", name: "nodes" },
    subjects,
  });
  await post("/namespaces/default/roles", {
    metadata: { name: "pods" },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["*"], resourceNames: ["mine"] }],
  });
  await post("/namespaces/default/rolebindings", {
    metadata: { name: "pods" },
    roleRef: { kind: "Role", name: "pods" },
    subjects,
  });
  return { ...lab, bot: new KubeClient(lab.api.kube(ACCOUNT)) };
}

describe("in strict mode a user", () => {
  it("may do what a bound role says and nothing else", async () => {
    const { bot } = await strictLab();
    expect(await bot.list(nodes)).toEqual([]);
    expect(await refused(bot.watch(nodes, { resourceVersion: "0" }))).toMatchObject({
      code: 403,
      reason: "Forbidden",
      message:
        'nodes is forbidden: User "system:serviceaccount:default:bot" cannot watch resource "nodes" in API group "" at the cluster scope',
      details: { kind: "nodes" },
    });
  });

  it("has the rights of a role only in its namespace, only for the names it lists", async () => {
    const { bot } = await strictLab();
    const get = async (namespace: string, name: string): Promise<number> =>
      (await refused(bot.get(pods, { namespace, name }))).code;
    expect(await get("default", "mine")).toBe(404);
    // Asking a collection for one name takes the right to that name.
    expect(await bot.list(pods, { namespace: "default", fieldSelector: "metadata.name=mine" })).toEqual([]);
    await refused(bot.list(pods, { namespace: "default", fieldSelector: "metadata.name=other" }));
    await refused(bot.list(pods, { namespace: "default" }));
    expect(await get("default", "other")).toBe(403);
    expect(await get("kube-system", "mine")).toBe(403);
  });

  it("needs the right for a subresource by itself", async () => {
    const { bot } = await strictLab();
    const patch = (subresource: string): Promise<unknown> =>
      bot.kube.request({
        method: "PATCH",
        path: `/api/v1/persistentvolumes/a${subresource}`,
        contentType: "application/merge-patch+json",
        body: {},
      });
    expect((await refused(patch("/status"))).code).toBe(404);
    expect(await refused(patch(""))).toMatchObject({
      code: 403,
      message:
        'persistentvolumes "a" is forbidden: User "system:serviceaccount:default:bot" cannot patch resource "persistentvolumes" in API group "" at the cluster scope',
    });
  });

  it("may ask what it may do, and is told", async () => {
    const { bot } = await strictLab();
    const ask = async (verb: string): Promise<unknown> =>
      (await bot.create(selfSubjectAccessReviews, { spec: { resourceAttributes: { verb, resource: "nodes" } } })).status
        ?.allowed;
    expect([await ask("list"), await ask("delete")]).toEqual([true, false]);
  });

  it("may discover", async () => {
    const { bot, kube } = await strictLab();
    expect(await bot.kube.request({ method: "GET", path: "/version" })).toMatchObject({ major: "1" });
    expect(await kube.request({ method: "GET", path: "/metrics" }).catch((error: unknown) => String(error))).toContain(
      "404",
    );
    expect(await refused(bot.kube.request({ method: "GET", path: "/metrics" }))).toMatchObject({
      code: 403,
      message: 'forbidden: User "system:serviceaccount:default:bot" cannot get path "/metrics"',
    });
  });
});

it("reviews of others are answered for administrators", async () => {
  const { kube, api } = await strictLab();
  const review = (kind: string, group: string, spec: object): Promise<unknown> =>
    kube.request({ method: "POST", path: `/apis/${group}/v1/${kind}`, body: { spec } });
  const attributes = { verb: "list", resource: "nodes" };
  expect(
    await review("subjectaccessreviews", "authorization.k8s.io", {
      user: ACCOUNT.name,
      resourceAttributes: attributes,
    }),
  ).toMatchObject({ status: { allowed: true } });
  api.tokens.add("secret", ACCOUNT);
  expect(await review("tokenreviews", "authentication.k8s.io", { token: "secret" })).toMatchObject({
    status: { authenticated: true, user: { username: ACCOUNT.name } },
  });
  expect(await review("tokenreviews", "authentication.k8s.io", { token: "other" })).toMatchObject({
    status: { user: {} },
  });
});
