/**
 * What a faithful Kubernetes API server does, as far as the product, the demo and a stock kubectl
 * meet it. Each row has at least two cases, one of them a refusal. Not here, and not in the lab:
 * server-side apply (but that it is refused, see row 21), custom resources of others, webhooks on
 * anything but evictions, and admission policies.
 */
export const POINTS: Readonly<Record<number, string>> = {
  1: "one counter numbers every change of every object",
  2: "what the server fills in: uid, creation time, generation, generated names",
  3: "an update that changes nothing is no change",
  4: "updates: conflicts, and fields that cannot change",
  5: "creating: what is there, what does not fit the path, namespaces that are not there",
  6: "limits of size",
  7: "subresources: status, scale, eviction, binding, token",
  8: "deletion and finalizers",
  9: "preconditions, propagation, collections",
  10: "graceful deletion of pods",
  11: "namespaces end with what is in them",
  12: "garbage collection by owner",
  13: "claims, volumes, their binder and their protection",
  14: "pages of lists",
  15: "versions of lists",
  16: "selectors",
  17: "where watches start",
  18: "objects that come into a selection and leave it",
  19: "bookmarks and the end of a watch",
  20: "tables and metadata only",
  21: "patches",
  23: "dry runs and validation of fields",
  26: "discovery, health and reviews",
  27: "tokens and rights",
  28: "the Status of an error",
  29: "events in two groups",
  30: "leases",
  31: "our own kinds: schema, status, selectable fields, rules",
  32: "validating webhooks on evictions",
};
