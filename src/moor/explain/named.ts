import { claimKeysOf } from "../../provision/indexes.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { claimIn } from "../cluster/volumes.ts";
import { moorErrors } from "../errors.ts";
import { explain } from "./explain.ts";
import type { Explanation } from "./explanation.ts";

/** The claims of a pod. */
export interface PodClaims {
  readonly pod: string;
  readonly claims: readonly Explanation[];
}

/**
 * Explains the claim (`pvc/NAME`, `NAME`) or all claims of the pod (`pod/NAME`) that an argument of
 * `moor explain` names. Throws when the object does not exist, or when the pod uses no claim.
 */
export function explainNamed(cluster: Cluster, namespace: string, argument: string): Explanation | PodClaims {
  const podName = /^(?:pods?|po)\/(.*)$/.exec(argument)?.[1];
  if (podName === undefined) return explain(cluster, { namespace, name: claimIn(argument) });
  const pod = cluster.pods.store.get(`${namespace}/${podName}`);
  if (pod === undefined) throw moorErrors.POD_MISSING({ pod: podName, namespace });
  const claims = claimKeysOf(pod).map((key) => key.slice(key.indexOf("/") + 1));
  if (claims.length === 0) throw moorErrors.POD_WITHOUT_CLAIM({ pod: podName });
  return { pod: podName, claims: claims.map((name) => explain(cluster, { namespace, name })) };
}
