// Empties namespaces that are being deleted, and lets them go when nothing is left in them.
//
//   deleted ── 5 s ──▶ pods deleted ── none left ──▶ all else deleted ── nothing left ──▶ gone:
//                        │                             │        finalizer `kubernetes` taken away
//                        │                             └── left: again after 8 s
//                        └── left: again after half their grace period
//
// Every round starts from the current state, so after a crash between any two requests the next
// round does the rest.
import { isConflict, isNotFound } from "../../../kube/errors.ts";
import { namespaces, pods } from "../../../kube/kinds.ts";
import type { KubeObject } from "../../../kube/objects.ts";
import type { Resource } from "../../../kube/resource.ts";
import { NAMESPACED, NAMESPACED_ONLY } from "../owned-kinds.ts";
import { limitedClient, MANAGER_LIMIT, QueueController, type Controller, type Process } from "../../process/process.ts";

/** As upstream: time for other API servers to see the deletion before the namespace is emptied. */
const GRACE_MS = 5000;
/** What is held by finalizers is looked at again after half of 15 s and one more. */
const HELD_SECONDS = 15;
/**
 * It asks for every kind in every namespace, so kube-controller-manager gives it 20 and 100 times
 * what others have.
 */
const LIMIT = { qps: MANAGER_LIMIT.qps * 20, burst: MANAGER_LIMIT.burst * 100 };
const WORKERS = 10;

/** `more`: kinds besides those this room knows. */
export function namespaceController(process: Process, more: readonly Resource[] = []): Controller {
  const { client } = limitedClient(process, "namespace-controller", LIMIT);
  const informer = process.informers.of(namespaces);
  const others = [...NAMESPACED, ...NAMESPACED_ONLY, ...more].filter((resource) => resource !== pods);

  /** Deletes what there is of a kind, and gives what is left of it. */
  const empty = async <T extends KubeObject>(resource: Resource<T>, namespace: string): Promise<readonly T[]> => {
    const found = await client.list(resource, { namespace });
    for (const { metadata } of found) {
      if (metadata?.deletionTimestamp !== undefined) continue;
      const at = { name: metadata?.name ?? "", namespace };
      await client.delete(resource, at, { propagationPolicy: "Background" }).catch((error: unknown) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      });
    }
    return found.length === 0 ? [] : await client.list(resource, { namespace });
  };

  const controller = new QueueController(process, { name: "namespace", workers: WORKERS }, async (key) => {
    const namespace = informer.store.get(key);
    if (namespace?.metadata?.deletionTimestamp === undefined) return;
    const finalizers = namespace.spec?.finalizers ?? [];
    if (!finalizers.includes("kubernetes")) return;
    const ending = await empty(pods, key);
    if (ending.length > 0) {
      const seconds = Math.max(...ending.map(({ spec }) => spec?.terminationGracePeriodSeconds ?? 0));
      return { requeueAfterMs: again(seconds) };
    }
    let left = 0;
    for (const resource of others) left += (await empty(resource, key)).length;
    if (left > 0) return { requeueAfterMs: again(HELD_SECONDS) };
    const spec = { ...namespace.spec, finalizers: finalizers.filter((name) => name !== "kubernetes") };
    await client.replace(namespaces, { ...namespace, spec }, { subresource: "finalize" }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    return;
  });
  informer.onChange(({ type, key, object }) => {
    if (type !== "deleted" && object.metadata?.deletionTimestamp !== undefined) {
      controller.queue.addAfter(key, GRACE_MS);
    }
  });
  return controller;
}

function again(estimate: number): number {
  return (Math.floor(estimate / 2) + 1) * 1000;
}
