import type { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import type { Pod } from "../../kube/kinds.ts";
import { nameOf, namespaceOf, type Stored } from "../../kube/objects.ts";

export interface Tried {
  /** Why the eviction would be refused now, by pod UID. */
  readonly refused: ReadonlyMap<string, string>;
  /** Why the dry runs were not possible. */
  readonly unknown?: string;
}

/**
 * Requests evictions as dry runs, because only the API server knows whether disruption budgets
 * allow them. Nothing is evicted, and Mooring's webhook records nothing.
 */
export async function tryEvictions(
  client: KubeClient,
  pods: readonly Stored<Pod>[],
  signal: AbortSignal,
): Promise<Tried> {
  const refused = new Map<string, string>();
  for (const pod of pods) {
    const { uid } = pod.metadata;
    try {
      await client.evict({ namespace: namespaceOf(pod), name: nameOf(pod), uid }, { dryRun: true, signal });
    } catch (error) {
      if (!(error instanceof KubeError) || error.code === 0) throw error;
      if (error.code === 403) return { refused, unknown: error.message };
      // 404: the pod has gone meanwhile.
      if (error.code !== 404) refused.set(uid, error.message);
    }
  }
  return { refused };
}
