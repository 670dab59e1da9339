import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";
import { configMap } from "../objects.ts";

/** What a role allows. */
interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

async function untilAllowed(c: Conversation, rule: Rule): Promise<void> {
  const [verb = "*"] = rule.verbs;
  const [resource = "", subresource = ""] = rule.resources[0]?.split("/") ?? [];
  const [name = ""] = rule.resourceNames ?? [];
  const asked = { verb: verb === "*" ? "get" : verb, group: rule.apiGroups[0], resource, subresource, name };
  const spec = { resourceAttributes: { ...asked, namespace: c.namespace } };
  for (;;) {
    const { status } = await c.given.create("selfsubjectaccessreviews", { spec });
    if ((status as { allowed: boolean }).allowed) return;
  }
}

/** A service account with a role of these rules in the case's namespace, and a token of it. */
async function robot(c: Conversation, rules: readonly Rule[]): Promise<string> {
  await c.given.create("serviceaccounts", { metadata: { name: "robot" } });
  await c.given.create("roles", { metadata: { name: "robot" }, rules });
  const subjects = [{ kind: "ServiceAccount", name: "robot", namespace: c.namespace }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "robot" };
  await c.given.create("rolebindings", { metadata: { name: "robot" }, subjects, roleRef });
  const asked = await c.given.create("serviceaccounts", { spec: {} }, { name: "robot", subresource: "token" });
  const { token } = asked["status"] as { token: string };
  // A real server's view of roles is a moment behind.
  for (const rule of rules) await untilAllowed(c.as(token), rule);
  return token;
}

const READ = { verbs: ["get", "list", "watch"], apiGroups: [""], resources: ["configmaps"] };
const names = (list: Json): unknown => (list["items"] as Json[]).map(({ metadata }) => metadata.name);

export const rights: Topic = {
  name: "rights",
  cases: [
    claim(27, "a service account may do what its role allows, and nothing else", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      const r = c.as(await robot(c, [READ]));
      await r.get("configmaps", "one", { show: ({ metadata }) => metadata.name });
      await r.create("configmaps", configMap("two"));
      await r.delete("configmaps", "one");
      await r.patch("configmaps", "one", "merge", {});
      await r.deleteAll("configmaps");
    }),
    claim(27, "a role holds in its namespace only", async (c) => {
      const r = c.as(await robot(c, [READ]));
      await r.list("configmaps", { query: { fieldSelector: "metadata.name!=kube-root-ca.crt" }, show: names });
      await r.list("configmaps", { namespace: "default" });
      await r.raw("GET", "/api/v1/configmaps");
      await r.list("nodes");
    }),
    claim(27, "subresources are rights of their own", async (c) => {
      const r = c.as(
        await robot(c, [
          { verbs: ["get", "patch"], apiGroups: [""], resources: ["pods"] },
          { verbs: ["patch"], apiGroups: [""], resources: ["persistentvolumeclaims/status"] },
        ]),
      );
      await r.patch("pods", "one", "merge", {}, { subresource: "status" });
      await r.create("pods", { metadata: { name: "one" } }, { name: "one", subresource: "eviction" });
      await r.patch("persistentvolumeclaims", "data", "merge", {}, { subresource: "status" });
      await r.patch("persistentvolumeclaims", "data", "merge", {});
    }),
    claim(27, "a role can name its objects, which does not let one create or list", async (c) => {
      const r = c.as(
        await robot(c, [{ verbs: ["*"], apiGroups: [""], resources: ["configmaps"], resourceNames: ["one"] }]),
      );
      await c.given.create("configmaps", configMap("one"));
      await c.until("configmaps", "one", (object) => object !== undefined);
      await r.list("configmaps");
      await r.create("configmaps", configMap("two"));
      await r.get("configmaps", "two");
    }),
    claim(27, "groups are part of a right", async (c) => {
      const r = c.as(await robot(c, [{ verbs: ["get"], apiGroups: ["apps"], resources: ["deployments"] }]));
      await r.get("deployments", "web");
      await r.list("deployments");
      await r.get("leases", "one");
      await r.get("storageclasses", "one");
    }),
    claim(27, "an account without rights sees discovery and asks what it may", async (c) => {
      const r = c.as(await robot(c, []));
      await r.raw("GET", "/version", { show: ({ major }) => major });
      await r.raw("GET", "/metrics");
      await r.create(
        "selfsubjectaccessreviews",
        { spec: { resourceAttributes: { verb: "get", resource: "pods", namespace: c.namespace } } },
        { show: ({ status }) => (status as { allowed: boolean }).allowed },
      );
      await r.create("subjectaccessreviews", {
        spec: { user: "x", resourceAttributes: { verb: "get", resource: "pods" } },
      });
    }),
    claim(27, "a token tells who it is of", async (c) => {
      const token = await robot(c, []);
      await c
        .as(token)
        .create(
          "selfsubjectreviews",
          {},
          { show: ({ status }) => ({ ...(status as { userInfo: object }).userInfo, extra: undefined }) },
        );
      await c.create(
        "tokenreviews",
        { spec: { token } },
        {
          show: ({ kind, status }) => {
            const { authenticated, user } = status as { authenticated: boolean; user: object };
            return { kind, authenticated, user: { ...user, extra: undefined } };
          },
        },
      );
    }),
    claim(27, "a token that nobody has is Unauthorized", async (c) => {
      const r = c.as("nonsense");
      await r.get("configmaps", "one");
      await c.create(
        "tokenreviews",
        { spec: { token: "nonsense" } },
        { show: ({ status }) => ({ authenticated: (status as { authenticated?: boolean }).authenticated ?? false }) },
      );
    }),
    claim(27, "a role binding cannot be pointed at another role", async (c) => {
      await robot(c, []);
      await c.patch("rolebindings", "robot", "merge", { roleRef: { name: "other" } });
      await c.create("rolebindings", {
        metadata: { name: "bad" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Deed", name: "" },
        subjects: [{ kind: "ServiceAccount", name: "x" }],
      });
    }),
  ],
};
