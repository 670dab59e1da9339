import { claim, type Topic } from "../case.ts";
import type { Json } from "../conversation.ts";

interface Resource {
  readonly name: string;
  readonly storageVersionHash?: string;
}

/** Those of the given names, without the hash of their storage version. */
const resources =
  (...names: string[]) =>
  (list: Json): unknown =>
    (list["resources"] as Resource[])
      .filter(({ name }) => names.includes(name))
      .map(({ storageVersionHash: _hash, ...rest }) => rest);

interface Discovered {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly {
    readonly version: string;
    readonly resources: readonly {
      readonly resource: string;
      readonly subresources?: readonly { readonly subresource: string }[];
    }[];
  }[];
}

/** What the lab does not have, such as exec, is not compared. */
const UNSERVED = ["attach", "ephemeralcontainers", "exec", "portforward", "proxy", "resize"];

const withoutUnserved = ({ subresources, ...resource }: Discovered["versions"][0]["resources"][0]): object => ({
  ...resource,
  subresources: (subresources ?? []).filter(({ subresource }) => !UNSERVED.includes(subresource)),
});

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** The resources of these names of an aggregated discovery. */
const discovered =
  (group: string, ...names: string[]) =>
  (list: Json): unknown => ({
    kind: list["kind"],
    apiVersion: list["apiVersion"],
    found: (list["items"] as Discovered[])
      .filter(({ metadata }) => (metadata.name ?? "") === group)
      .map(({ versions: [first] }) => ({
        version: first?.version,
        resources: first?.resources.filter(({ resource }) => names.includes(resource)).map(withoutUnserved),
      })),
  });

const ask = (c: { namespace: string }, verb: string, resource: string, more: object = {}): object => ({
  spec: { resourceAttributes: { verb, resource, namespace: c.namespace, ...more } },
});
const answer = {
  show: (review: Json) => ({
    kind: review["kind"],
    spec: review["spec"],
    allowed: (review["status"] as { allowed: boolean }).allowed,
  }),
};

export const discovery: Topic = {
  name: "discovery",
  cases: [
    claim(26, "the core group tells its kinds, their short names, verbs and subresources", async (c) => {
      const names = [
        "pods",
        "pods/status",
        "pods/eviction",
        "pods/binding",
        "persistentvolumeclaims",
        "persistentvolumes",
        "persistentvolumes/status",
        "nodes",
        "configmaps",
        "namespaces",
        "namespaces/status",
        "namespaces/finalize",
        "serviceaccounts/token",
        "events",
        "services",
      ];
      await c.raw("GET", "/api/v1", { show: resources(...names) });
    }),
    claim(26, "the other groups tell theirs", async (c) => {
      await c.raw("GET", "/apis/apps/v1", {
        show: resources(
          "deployments",
          "deployments/scale",
          "deployments/status",
          "statefulsets",
          "replicasets",
          "daemonsets",
          "controllerrevisions",
        ),
      });
      await c.raw("GET", "/apis/storage.k8s.io/v1", { show: resources("storageclasses", "csidrivers", "csinodes") });
      await c.raw("GET", "/apis/policy/v1", { show: resources("poddisruptionbudgets", "poddisruptionbudgets/status") });
      await c.raw("GET", "/apis/rbac.authorization.k8s.io/v1", {
        show: resources("roles", "clusterroles", "rolebindings", "clusterrolebindings"),
      });
      await c.raw("GET", "/apis/authorization.k8s.io/v1", {
        show: resources("selfsubjectaccessreviews", "subjectaccessreviews", "localsubjectaccessreviews"),
      });
      await c.raw("GET", "/apis/coordination.k8s.io/v1", { show: resources("leases") });
      await c.raw("GET", "/apis/events.k8s.io/v1", { show: resources("events") });
    }),
    claim(26, "aggregated discovery tells the same in one answer", async (c) => {
      await c.raw("GET", "/api", {
        accept: AGGREGATED,
        show: discovered("", "pods", "persistentvolumeclaims", "nodes", "configmaps"),
      });
      await c.raw("GET", "/apis", { accept: AGGREGATED, show: discovered("apps", "deployments", "statefulsets") });
    }),
    claim(26, "the groups have their preferred versions", async (c) => {
      await c.raw("GET", "/apis/apps");
      await c.raw("GET", "/apis/storage.k8s.io", {
        show: ({ kind, name, preferredVersion }) => ({ kind, name, preferredVersion }),
      });
      await c.raw("GET", "/apis/example.com");
    }),
    claim(26, "the version names major and minor", async (c) => {
      await c.raw("GET", "/version", {
        show: ({ major, minor, gitVersion }) => ({ major, minor, gitVersion: String(gitVersion).replace(/\+.*/, "") }),
      });
    }),
    claim(26, "health is ok, readiness too", async (c) => {
      for (const path of ["/healthz", "/livez", "/readyz", "/readyz/ping"]) await c.raw("GET", path);
      await c.raw("GET", "/healthz/nothing");
    }),
    claim(26, "an administrator may do all, and who he is he can ask", async (c) => {
      await c.create("selfsubjectaccessreviews", ask(c, "delete", "pods"), answer);
      await c.create(
        "selfsubjectaccessreviews",
        { spec: { nonResourceAttributes: { verb: "get", path: "/metrics" } } },
        answer,
      );
      await c.create(
        "selfsubjectreviews",
        {},
        {
          show: ({ kind, apiVersion, status }) => ({
            kind,
            apiVersion,
            groups: (status as { userInfo: { groups: string[] } }).userInfo.groups,
          }),
        },
      );
    }),
    claim(26, "a review without a question, or with two, is Invalid", async (c) => {
      await c.create("selfsubjectaccessreviews", { spec: {} });
      await c.create("selfsubjectaccessreviews", {
        spec: {
          resourceAttributes: { verb: "get", resource: "pods" },
          nonResourceAttributes: { verb: "get", path: "/x" },
        },
      });
      await c.create("subjectaccessreviews", ask(c, "get", "pods"));
    }),
    claim(26, "what another may is asked by his name", async (c) => {
      const user = { spec: { ...(ask(c, "get", "pods") as { spec: object }).spec, user: `nobody-${c.run}` } };
      await c.create("subjectaccessreviews", user, answer);
      const master = { spec: { ...user.spec, groups: ["system:masters"] } };
      await c.create("subjectaccessreviews", master, answer);
    }),
  ],
};
