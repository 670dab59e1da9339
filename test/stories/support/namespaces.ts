/*
 * How namespaces end soon. The namespace controller looks first 5 s after a deletion. Where it then
 * finds a pod with a grace period of 30 s, or a claim with its finalizer, it looks again after half
 * of that, 16 or 8 s, although both are gone in one. So what takes time goes before the namespace.
 */
import type { Ground } from "../../cluster/ground.ts";

interface Named {
  readonly metadata: { readonly name: string; readonly ownerReferences?: readonly unknown[] };
}

/** Kinds that make pods. */
const WORKLOADS = ["StatefulSet", "Deployment", "DaemonSet"] as const;

/** Deletes the workloads, pods and claims of a namespace, and waits until none of them is left. */
export async function emptyNamespace(ground: Ground, namespace: string): Promise<void> {
  for (const kind of WORKLOADS) {
    for (const { metadata } of await ground.list<Named>(kind, { namespace })) {
      await ground.delete(kind, metadata.name, namespace);
    }
  }
  // What has an owner goes with it.
  for (const { metadata } of await ground.list<Named>("Pod", { namespace })) {
    if (metadata.ownerReferences === undefined) await ground.delete("Pod", metadata.name, namespace);
  }
  for (const { metadata } of await ground.list<Named>("PersistentVolumeClaim", { namespace })) {
    await ground.delete("PersistentVolumeClaim", metadata.name, namespace);
  }
  await ground.waitFor(`pods and claims of namespace ${namespace} to be gone`, async (saw) => {
    const pods = await ground.list<Named>("Pod", { namespace });
    const claims = await ground.list<Named>("PersistentVolumeClaim", { namespace });
    saw([...pods, ...claims].map(({ metadata }) => metadata.name));
    return pods.length + claims.length === 0 ? true : undefined;
  });
}

/** Waits until a namespace is gone. */
export async function namespaceGone(ground: Ground, name: string): Promise<void> {
  await ground.waitFor(`namespace ${name} to be gone`, async (saw) => {
    const found = await ground.get<{ status?: unknown }>("Namespace", name);
    saw(found?.status);
    return found === undefined ? true : undefined;
  });
}
