/** Where the kinds that cases speak of are served. Namespaced unless they say otherwise. */
const PLACES = {
  configmaps: { root: "/api/v1" },
  secrets: { root: "/api/v1" },
  services: { root: "/api/v1" },
  events: { root: "/api/v1" },
  pods: { root: "/api/v1" },
  serviceaccounts: { root: "/api/v1" },
  persistentvolumeclaims: { root: "/api/v1" },
  persistentvolumes: { root: "/api/v1", cluster: true },
  nodes: { root: "/api/v1", cluster: true },
  namespaces: { root: "/api/v1", cluster: true },
  deployments: { root: "/apis/apps/v1" },
  replicasets: { root: "/apis/apps/v1" },
  statefulsets: { root: "/apis/apps/v1" },
  leases: { root: "/apis/coordination.k8s.io/v1" },
  "events.k8s.io": { root: "/apis/events.k8s.io/v1", plural: "events" },
  poddisruptionbudgets: { root: "/apis/policy/v1" },
  storageclasses: { root: "/apis/storage.k8s.io/v1", cluster: true },
  csidrivers: { root: "/apis/storage.k8s.io/v1", cluster: true },
  roles: { root: "/apis/rbac.authorization.k8s.io/v1" },
  rolebindings: { root: "/apis/rbac.authorization.k8s.io/v1" },
  clusterroles: { root: "/apis/rbac.authorization.k8s.io/v1", cluster: true },
  clusterrolebindings: { root: "/apis/rbac.authorization.k8s.io/v1", cluster: true },
  validatingwebhookconfigurations: { root: "/apis/admissionregistration.k8s.io/v1", cluster: true },
  storagepools: { root: "/apis/mooring.dev/v1alpha1", cluster: true },
  localvolumes: { root: "/apis/mooring.dev/v1alpha1", cluster: true },
  volumecopies: { root: "/apis/mooring.dev/v1alpha1", cluster: true },
  volumemoves: { root: "/apis/mooring.dev/v1alpha1", cluster: true },
  tokenreviews: { root: "/apis/authentication.k8s.io/v1", cluster: true },
  selfsubjectreviews: { root: "/apis/authentication.k8s.io/v1", cluster: true },
  selfsubjectaccessreviews: { root: "/apis/authorization.k8s.io/v1", cluster: true },
  subjectaccessreviews: { root: "/apis/authorization.k8s.io/v1", cluster: true },
} as const satisfies Record<string, { root: string; cluster?: true; plural?: string }>;

/** A kind by its plural name, `PLURAL.GROUP` where two groups have it. */
export type Kind = keyof typeof PLACES;

/** The path of a collection, or of an object in it, in a namespace where the kind has one. */
export function pathOf(kind: Kind, namespace: string, name?: string, subresource?: string): string {
  const place: { root: string; cluster?: true; plural?: string } = PLACES[kind];
  const below = place.cluster === true ? "" : `/namespaces/${namespace}`;
  const parts = [place.plural ?? kind, name, subresource].filter((part) => part !== undefined);
  return `${place.root}${below}/${parts.map(encodeURIComponent).join("/")}`;
}
