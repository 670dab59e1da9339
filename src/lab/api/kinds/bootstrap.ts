import type { Draft } from "../../store/object.ts";

/**
 * The objects of a new cluster. The default service accounts are not among them: a controller makes
 * them, as in every cluster.
 */
export function bootstrapObjects(): {
  plural: string;
  group: string;
  body: Omit<Draft, "metadata"> & { metadata: { name: string; namespace?: string } };
}[] {
  const namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"].map((name) => ({
    group: "",
    plural: "namespaces",
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
  }));
  const priorities = [
    [
      "system-cluster-critical",
      2_000_000_000,
      "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ],
    [
      "system-node-critical",
      2_000_001_000,
      "Used for system critical pods that must not be moved from their current node.",
    ],
  ].map(([name, value, description]) => ({
    group: "scheduling.k8s.io",
    plural: "priorityclasses",
    body: {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: String(name) },
      value,
      description,
    },
  }));
  return [...namespaces, ...priorities, ...roles()];
}

const RBAC = "rbac.authorization.k8s.io";

function roles(): ReturnType<typeof bootstrapObjects> {
  const role = (name: string, rules: readonly object[]) => ({
    group: RBAC,
    plural: "clusterroles",
    body: { apiVersion: `${RBAC}/v1`, kind: "ClusterRole", metadata: { name }, rules },
  });
  const bound = (name: string, group: string) => ({
    group: RBAC,
    plural: "clusterrolebindings",
    body: {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name },
      subjects: [{ kind: "Group", name: group, apiGroup: RBAC }],
    },
  });
  const discovery = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
  ];
  return [
    role("cluster-admin", [
      { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
      { nonResourceURLs: ["*"], verbs: ["*"] },
    ]),
    bound("cluster-admin", "system:masters"),
    role("system:discovery", [{ nonResourceURLs: discovery, verbs: ["get"] }]),
    bound("system:discovery", "system:authenticated"),
    role("system:basic-user", [
      {
        apiGroups: ["authorization.k8s.io"],
        resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        verbs: ["create"],
      },
      { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
    ]),
    bound("system:basic-user", "system:authenticated"),
  ];
}
