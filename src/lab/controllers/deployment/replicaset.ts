import { isNotFound } from "../../../kube/errors.ts";
import { pods, type Pod } from "../../../kube/kinds.ts";
import { uidOf } from "../../../kube/objects.ts";
import { replicaSets, type ReplicaSet } from "../../objects/kinds.ts";
import { about, controlledBy, isControlledBy } from "../../objects/owners.ts";
import { isNamespaceTerminating } from "../../objects/terminating.ts";
import { isActive, isReady } from "../../objects/pods.ts";
import { observed, writeStatus } from "../../objects/status.ts";
import { limitedClient, QueueController, type Controller, type Process } from "../../process/process.ts";

/**
 * The ReplicaSet controller: as many active pods as asked for. Pods without an owner are not
 * adopted.
 */
export function replicaSetController(process: Process): Controller {
  const { client, recorder } = limitedClient(process, "replicaset-controller");
  const sets = process.informers.of(replicaSets);
  const podInformer = process.informers.of(pods);
  /** Deleted by us, but the cache may still show them as active. */
  const deleted = new Set<string>();

  const create = async (set: ReplicaSet, signal: AbortSignal): Promise<void> => {
    const { name = "", namespace = "" } = set.metadata ?? {};
    const { metadata, spec } = set.spec?.template ?? {};
    const pod: Pod = {
      metadata: {
        ...metadata,
        generateName: `${name}-`,
        namespace,
        ownerReferences: [controlledBy(replicaSets, set)],
      },
      spec: { containers: [], ...spec },
    };
    const made = await client.create(pods, pod);
    const message = `Created pod: ${made.metadata?.name ?? ""}`;
    recorder.record(about(replicaSets, set), { type: "Normal", reason: "SuccessfulCreate", message });
    // The next reconcile must see the new pod, or it would create one too many.
    await podInformer.waitFor(made.metadata?.resourceVersion ?? "0", signal);
  };

  const remove = async (set: ReplicaSet, pod: Pod): Promise<void> => {
    const { name = "", namespace } = pod.metadata ?? {};
    deleted.add(uidOf(pod));
    await client.delete(pods, { name, namespace }, { uid: uidOf(pod) }).catch((error: unknown) => {
      if (isNotFound(error)) return;
      deleted.delete(uidOf(pod));
      throw error;
    });
    const message = `Deleted pod: ${name}`;
    recorder.record(about(replicaSets, set), { type: "Normal", reason: "SuccessfulDelete", message });
  };

  const controller = new QueueController(process, { name: "replicaset" }, async (key, signal) => {
    const set = sets.store.get(key);
    if (set === undefined) return;
    const active = (): Pod[] =>
      podInformer.store.list().filter((pod) => isControlledBy(pod, set) && isActive(pod) && !deleted.has(uidOf(pod)));
    const wanted = set.spec?.replicas ?? 1;
    if (set.metadata?.deletionTimestamp === undefined) {
      const now = active();
      try {
        for (let missing = wanted - now.length; missing > 0; missing -= 1) await create(set, signal);
      } catch (error) {
        if (!isNamespaceTerminating(error)) throw error;
      }
      for (const pod of now.toSorted(firstToGo).slice(0, Math.max(now.length - wanted, 0))) await remove(set, pod);
    }
    const now = active();
    const ready = now.filter(isReady).length;
    const status = {
      ...set.status,
      ...observed(set),
      replicas: now.length,
      fullyLabeledReplicas: now.length,
      readyReplicas: ready,
      availableReplicas: ready,
    };
    await writeStatus(client, replicaSets, set, status);
  });
  podInformer.onChange(({ type, object }) => {
    if (type === "deleted") deleted.delete(uidOf(object));
  });
  controller.watchOwners(sets, "ReplicaSet", podInformer);
  return controller;
}

/** Those without a node go first, then those that are not Ready, then the youngest. */
function firstToGo(a: Pod, b: Pod): number {
  const rank = (pod: Pod): number => ((pod.spec?.nodeName ?? "") === "" ? 0 : isReady(pod) ? 2 : 1);
  const age = (pod: Pod): string => pod.metadata?.creationTimestamp ?? "";
  return rank(a) - rank(b) || age(b).localeCompare(age(a));
}
