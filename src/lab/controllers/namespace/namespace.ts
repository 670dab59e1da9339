import { isConflict, isNotFound } from "../../../kube/errors.ts";
import type { Resource } from "../../../kube/resource.ts";
import { namespaces } from "../kinds.ts";
import { NAMESPACED } from "../owned-kinds.ts";
import { limitedClient, MANAGER_LIMIT, QueueController, type Controller, type Process } from "../process/process.ts";

const RECHECK_MS = 1000;
/** It asks for every kind in every namespace, so kube-controller-manager gives it 20 and 100 times what others have. */
const LIMIT = { qps: MANAGER_LIMIT.qps * 20, burst: MANAGER_LIMIT.burst * 100 };

/** Empties namespaces that are being deleted, and lets them go when nothing is left in them. `more`: kinds besides those this room knows. */
export function namespaceController(process: Process, more: readonly Resource[] = []): Controller {
  const { client } = limitedClient(process, "namespace-controller", LIMIT);
  const informer = process.informers.of(namespaces);
  const controller = new QueueController(process, { name: "namespace" }, async (key) => {
    const namespace = informer.store.get(key);
    if (namespace?.metadata?.deletionTimestamp === undefined) return;
    const finalizers = namespace.spec?.finalizers ?? [];
    if (!finalizers.includes("kubernetes")) return;
    let left = 0;
    for (const resource of [...NAMESPACED, ...more]) {
      for (const object of await client.list(resource, { namespace: key })) {
        left += 1;
        if (object.metadata?.deletionTimestamp !== undefined) continue;
        const at = { name: object.metadata?.name ?? "", namespace: key };
        await client.delete(resource, at, { propagationPolicy: "Background" }).catch((error: unknown) => {
          if (!isNotFound(error) && !isConflict(error)) throw error;
        });
      }
    }
    if (left > 0) return { requeueAfterMs: RECHECK_MS };
    const spec = { ...namespace.spec, finalizers: finalizers.filter((name) => name !== "kubernetes") };
    await client.replace(namespaces, { ...namespace, spec }, { subresource: "finalize" }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    return;
  });
  informer.onChange(({ type, key }) => {
    if (type !== "deleted") controller.queue.add(key);
  });
  return controller;
}
