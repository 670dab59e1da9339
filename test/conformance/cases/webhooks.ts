// Validating webhooks on evictions, which is what our own one is.
import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";
import type { HookAnswer } from "../hook.ts";
import { pod } from "../objects.ts";

const NAME = "evictions.example.com";
/** Nothing listens there. */
const NOBODY = { url: "https://127.0.0.1:1/eviction" };

interface EvictOptions {
  readonly body?: object;
  readonly query?: Readonly<Record<string, string>>;
}

const evict = async (c: Conversation, name: string, { body = {}, query = {} }: EvictOptions = {}): Promise<unknown> =>
  await c.create(
    "pods",
    { apiVersion: "policy/v1", kind: "Eviction", metadata: { name }, ...body },
    { name, subresource: "eviction", query },
  );

const isThere = async (c: Conversation, name: string): Promise<unknown> =>
  await c.get("pods", name, { show: () => "it is there" });

/** The pods `web` and `probe`, and a webhook of the case. */
async function withHook(
  c: Conversation,
  answer: HookAnswer | { readonly clientConfig: object },
  run: () => Promise<unknown>,
  more: object = {},
): Promise<void> {
  const to = typeof answer === "string" ? { clientConfig: c.hookAt(answer) } : answer;
  await withHooks(c, [{ name: NAME, failurePolicy: "Ignore", ...to, ...more }], run);
}

async function withHooks(c: Conversation, webhooks: readonly object[], run: () => Promise<unknown>): Promise<void> {
  for (const name of ["web", "probe"]) await c.given.create("pods", pod(name));
  await c.hook(webhooks);
  await run();
  await c.unhook();
}

const nameOf = (review: Json): unknown => (review["request"] as { name: string }).name;
const dryness = (review: Json): unknown => {
  const { dryRun, options } = review["request"] as { dryRun: boolean; options: object };
  return { dryRun, options };
};

/** Evicts `web` while the webhook fails in its own way. */
const failing = async (c: Conversation, answer: Parameters<typeof withHook>[1], more: object): Promise<void> => {
  await withHook(
    c,
    answer,
    async () => {
      await evict(c, "web");
      await isThere(c, "web");
    },
    more,
  );
};

export const webhooks: Topic = {
  name: "webhooks",
  cases: [
    claim(32, "an eviction that is refused with 429 leaves the pod, and says who refused and why", async (c) => {
      await withHook(c, "hold", async () => {
        await evict(c, "web");
        await isThere(c, "web");
        await c.asked(1, nameOf);
      });
    }),
    claim(32, "an eviction that is allowed is done", async (c) => {
      await withHook(c, "allow", async () => {
        await evict(c, "web");
        await isThere(c, "web");
        await c.asked(1, nameOf);
      });
    }),
    claim(32, "a warning comes with what is allowed and with what is refused", async (c) => {
      await withHook(c, "warn", async () => {
        await evict(c, "web", { query: { dryRun: "All" } });
      });
      await c.given.delete("pods", "web");
      await c.given.delete("pods", "probe");
      await withHook(c, "hold-and-warn", async () => {
        await evict(c, "web");
      });
    }),
    claim(32, "a refusal with 404 is one, with its status", async (c) => {
      await withHook(c, "gone", async () => {
        await evict(c, "web");
      });
    }),
    claim(32, "a refusal that tells to wait has the header too", async (c) => {
      await withHook(c, "hold-for-a-while", async () => {
        await evict(c, "web");
      });
    }),
    claim(32, "a refusal without a message has its reason for one", async (c) => {
      await withHook(c, "refuse-with-a-reason", async () => {
        await evict(c, "web");
      });
    }),
    claim(32, "a refusal without a status is a 400 without explanation", async (c) => {
      await withHook(c, "refuse-in-silence", async () => {
        await evict(c, "web");
      });
    }),
    claim(32, "a refusal that speaks of success is one", async (c) => {
      await withHook(c, "refuse-with-success", async () => {
        await evict(c, "web");
      });
    }),
    claim(32, "an answer that says neither is a refusal", async (c) => {
      await withHook(c, "say-neither", async () => {
        await evict(c, "web");
      });
    }),
    claim(32, "a webhook is told of the eviction, and of nothing before it", async (c) => {
      await withHook(c, "hold", async () => {
        await evict(c, "web");
        await c.asked(1, ({ apiVersion, kind, request }) => ({
          apiVersion,
          kind,
          request: { ...(request as object), userInfo: undefined },
        }));
      });
    }),
    claim(32, "a webhook is told the options of the deletion", async (c) => {
      await withHook(c, "hold", async () => {
        const { metadata } = await c.given.get("pods", "web");
        const deleteOptions = { gracePeriodSeconds: 7, preconditions: { uid: metadata.uid } };
        const labels = { app: "web" };
        await evict(c, "web", { body: { metadata: { name: "web", labels }, deleteOptions } });
        await c.asked(1, ({ request }) => (request as { object: object }).object);
      });
    }),
    claim(32, "a webhook is told who asks", async (c) => {
      await c.given.create("serviceaccounts", { metadata: { name: "robot" } });
      const subjects = [{ kind: "ServiceAccount", name: "robot", namespace: c.namespace }];
      const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" };
      await c.given.create("rolebindings", { metadata: { name: "robot" }, subjects, roleRef });
      const asked = await c.given.create("serviceaccounts", { spec: {} }, { name: "robot", subresource: "token" });
      const { token } = asked["status"] as { token: string };
      await withHook(c, "hold", async () => {
        const spec = { resourceAttributes: { verb: "create", resource: "pods", namespace: c.namespace } };
        for (;;) {
          const { status } = await c.as(token).given.create("selfsubjectaccessreviews", { spec });
          if ((status as { allowed: boolean }).allowed) break;
        }
        await evict(c.as(token), "web");
        await c.asked(1, ({ request }) => (request as { userInfo: object }).userInfo);
      });
    }),
    claim(
      32,
      "a dry run of the request is told as one, and a dry run of the deletion only in its options",
      async (c) => {
        await withHook(c, "allow", async () => {
          await evict(c, "web", { query: { dryRun: "All" } });
          await isThere(c, "web");
          await evict(c, "web", { body: { deleteOptions: { dryRun: ["All"] } } });
          await isThere(c, "web");
          await c.asked(2, dryness);
        });
      },
    ),
    claim(32, "an eviction of the old version is told as one of the new", async (c) => {
      await withHook(c, "hold", async () => {
        await evict(c, "web", { body: { apiVersion: "policy/v1beta1" } });
        await c.asked(1, ({ request }) => ({ ...(request as object), userInfo: undefined }));
      });
    }),
    claim(32, "a webhook is asked about a pod that is not there, but not under another name", async (c) => {
      await withHook(c, "hold", async () => {
        await evict(c, "none");
        await c.create("pods", { metadata: { name: "other" } }, { name: "web", subresource: "eviction" });
        await c.asked(1, nameOf);
      });
    }),
    claim(32, "a webhook is asked before the preconditions are looked at", async (c) => {
      await withHook(c, "hold", async () => {
        await evict(c, "web", {
          body: { deleteOptions: { preconditions: { uid: "00000000-0000-4000-8000-000000000000" } } },
        });
        await c.asked(1, nameOf);
      });
    }),
    claim(32, "with Ignore nothing stands in the way when nobody listens", async (c) => {
      await failing(c, { clientConfig: NOBODY }, {});
    }),
    claim(32, "with Fail an eviction is an InternalError when nobody listens", async (c) => {
      await failing(c, { clientConfig: NOBODY }, { failurePolicy: "Fail" });
    }),
    claim(32, "without a failurePolicy it is Fail", async (c) => {
      await failing(c, { clientConfig: NOBODY }, { failurePolicy: undefined, timeoutSeconds: undefined });
    }),
    claim(32, "a Service that is not there fails as the policy says", async (c) => {
      const service = { name: "none", namespace: c.namespace, path: "/eviction" };
      await failing(c, { clientConfig: { service } }, { failurePolicy: "Fail" });
    }),
    claim(32, "a Service that is not there is passed over with Ignore", async (c) => {
      await failing(c, { clientConfig: { service: { name: "none", namespace: c.namespace } } }, {});
    }),
    claim(32, "a Service without a pod behind it fails as the policy says", async (c) => {
      const spec = { selector: { app: "none" }, ports: [{ port: 443 }] };
      await c.given.create("services", { metadata: { name: "empty" }, spec });
      const service = { name: "empty", namespace: c.namespace, path: "/eviction" };
      await failing(c, { clientConfig: { service } }, { failurePolicy: "Fail" });
    }),
    claim(32, "a webhook that does not answer in its time is given up: with Ignore the pod goes", async (c) => {
      await failing(c, "late", { timeoutSeconds: 1 });
    }),
    claim(32, "a webhook that does not answer in its time is given up: with Fail the pod stays", async (c) => {
      await failing(c, "late", { timeoutSeconds: 1, failurePolicy: "Fail" });
    }),
    claim(32, "a webhook whose certificate nobody has signed for is not asked", async (c) => {
      const { url } = c.hookAt("allow");
      await failing(c, { clientConfig: { url } }, { failurePolicy: "Fail" });
      await c.asked(0, nameOf);
    }),
    claim(32, "a webhook that answers with an error has failed", async (c) => {
      await failing(c, "broken", { failurePolicy: "Fail" });
    }),
    claim(32, "a webhook that answers with an error in words has failed, and they are in the message", async (c) => {
      await failing(c, "broken-in-words", { failurePolicy: "Fail" });
    }),
    claim(32, "a webhook that takes the review for malformed has failed", async (c) => {
      await failing(c, "puzzled", { failurePolicy: "Fail" });
    }),
    claim(32, "an answer that is not JSON is a failure", async (c) => {
      await failing(c, "no-json", { failurePolicy: "Fail" });
    }),
    claim(32, "an answer about another request is a failure", async (c) => {
      await failing(c, "of-another", { failurePolicy: "Fail" });
    }),
    claim(32, "an answer that is no review is a failure", async (c) => {
      await failing(c, "no-review", { failurePolicy: "Fail" });
    }),
    claim(32, "a review without a response is a failure", async (c) => {
      await failing(c, "no-response", { failurePolicy: "Fail" });
    }),
    claim(32, "an answer that is no review is passed over with Ignore", async (c) => {
      await failing(c, "no-json", {});
    }),
    claim(32, "a refusal is one with Ignore and with Fail, and one is enough", async (c) => {
      const allowing = { name: "allows.example.com", clientConfig: c.hookAt("allow") };
      const refusing = { name: NAME, clientConfig: c.hookAt("hold"), failurePolicy: "Fail" };
      await withHooks(c, [allowing, refusing], async () => {
        await evict(c, "web");
        await isThere(c, "web");
      });
    }),
    claim(32, "a webhook is asked only in namespaces that it selects", async (c) => {
      const elsewhere = { matchLabels: { "kubernetes.io/metadata.name": "default" } };
      const here = {
        matchExpressions: [
          { key: "kubernetes.io/metadata.name", operator: "In", values: [c.namespace, "other"] },
          { key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["default"] },
          { key: "exempt", operator: "DoesNotExist" },
        ],
      };
      const first = { name: "first.example.com", clientConfig: c.hookAt("hold"), namespaceSelector: elsewhere };
      await withHooks(c, [first], async () => {
        await evict(c, "web");
        await c.asked(0, nameOf);
      });
      await c.given.delete("pods", "probe");
      await withHook(c, "hold", () => evict(c, "web"), { namespaceSelector: here });
    }),
    claim(32, "labels of the eviction select a webhook, not those of the pod", async (c) => {
      const selector = { objectSelector: { matchLabels: { app: "web" } } };
      await withHook(
        c,
        "hold",
        async () => {
          await c.given.patch("pods", "web", "merge", { metadata: { labels: { app: "web" } } });
          await evict(c, "web", { body: { metadata: { name: "web", labels: { app: "web" } } } });
          await evict(c, "web");
          await c.asked(1, nameOf);
        },
        selector,
      );
    }),
    claim(32, "rules select by group, version, operation, subresource and scope", async (c) => {
      const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods/eviction"] };
      const rules = {
        pods: { resources: ["pods"] },
        everything: { resources: ["*"] },
        subresources: { resources: ["pods/*"] },
        evictions: { resources: ["*/eviction"] },
        all: { resources: ["*/*"] },
        group: { apiGroups: ["policy"], resources: ["evictions"] },
        version: { apiVersions: ["v2"] },
        versions: { apiVersions: ["*"] },
        operation: { operations: ["UPDATE"] },
        operations: { operations: ["*"] },
        cluster: { scope: "Cluster" },
        namespaced: { scope: "Namespaced" },
      };
      const each = Object.entries(rules).map(([name, more]) => ({
        name: `${name}.example.com`,
        clientConfig: { ...NOBODY, caBundle: undefined },
        failurePolicy: "Fail",
        rules: [{ ...rule, ...more }],
      }));
      for (const name of ["web", "probe"]) await c.given.create("pods", pod(name));
      for (const webhook of each) {
        await c.hook([webhook]);
        await evict(c, "web", { query: { dryRun: "All" } });
        await c.unhook();
      }
    }),
    claim(32, "a configuration has its defaults", async (c) => {
      const webhook = { name: NAME, clientConfig: NOBODY, admissionReviewVersions: ["v1"], sideEffects: "None" };
      const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods/eviction"] }];
      const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": c.namespace } };
      const body = { metadata: { name: `hook-${c.run}` }, webhooks: [{ ...webhook, rules, namespaceSelector }] };
      await c.create("validatingwebhookconfigurations", body);
      await c.unhook();
    }),
  ],
};
