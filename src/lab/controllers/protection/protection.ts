// pvc-protection and pv-protection: a finalizer keeps a claim while a pod on a node uses it, and a
// volume while it is bound. The former also tells in a claim's status whether pods name it: since
// Kubernetes 1.37 a bound claim is written once more, a moment after it was bound, and again as
// pods come and go.
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "kubernetes-types/core/v1.js";
import { isNotFound } from "../../../kube/errors.ts";
import { persistentVolumeClaims, persistentVolumes, pods } from "../../../kube/kinds.ts";
import type { Change } from "../../../kube/watch/store.ts";
import { keyOf, type KubeObject } from "../../../kube/objects.ts";
import { secondsTime } from "../../../kube/timestamps.ts";
import { claimNames, isTerminal } from "../../objects/pods.ts";
import { limitedClient, QueueController, type Controller, type Process } from "../../process/process.ts";

const CLAIM_FINALIZER = "kubernetes.io/pvc-protection";
const VOLUME_FINALIZER = "kubernetes.io/pv-protection";

/** A scheduled pod counts, whether it runs, waits or has ended; one without a node does not. */
export function usesClaim(pod: Pod, claimKey: string): boolean {
  if ((pod.spec?.nodeName ?? "") === "") return false;
  const namespace = pod.metadata?.namespace ?? "";
  return claimNames(pod).some((name) => `${namespace}/${name}` === claimKey);
}

/**
 * A bound claim says in the condition Unused whether any pod names it. Undefined: it says so
 * already.
 */
function sayWhetherUsed(
  claim: PersistentVolumeClaim,
  all: () => readonly Pod[],
  now: number,
): PersistentVolumeClaim | undefined {
  const { status, metadata } = claim;
  if (status?.phase !== "Bound" || metadata?.deletionTimestamp !== undefined) return undefined;
  const { name = "", namespace = "" } = metadata ?? {};
  const used = all().some(
    (pod) => pod.metadata?.namespace === namespace && !isTerminal(pod) && claimNames(pod).includes(name),
  );
  const conditions = status.conditions ?? [];
  const wanted = used ? "False" : "True";
  if (conditions.find(({ type }) => type === "Unused")?.status === wanted) return undefined;
  const condition = {
    type: "Unused",
    status: wanted,
    reason: used ? "PodUsingPVC" : "NoPodsUsingPVC",
    message: used ? "A pod is currently referencing this PVC" : "No pods are currently referencing this PVC",
    lastTransitionTime: secondsTime(now),
  };
  const others = conditions.filter(({ type }) => type !== "Unused");
  return { ...claim, status: { ...status, conditions: [...others, condition] } };
}

export function claimProtection(process: Process): Controller {
  const { client } = limitedClient(process, "pvc-protection-controller");
  const claims = process.informers.of(persistentVolumeClaims);
  const podInformer = process.informers.of(pods);
  const controller = new QueueController(process, { name: "pvc-protection" }, async (key) => {
    const claim = claims.store.get(key);
    if (claim === undefined) return;
    const told = sayWhetherUsed(claim, () => podInformer.store.list(), process.clock.now());
    if (told !== undefined) {
      // The finalizer has its turn when this change comes back.
      await ignoringAbsence(client.replace(persistentVolumeClaims, told, { subresource: "status" }));
      return;
    }
    const next = await protect(claim, CLAIM_FINALIZER, async () => {
      if (podInformer.store.list().some((pod) => usesClaim(pod, key))) return true;
      // The cache may be stale: ask the server before the claim can be deleted.
      const live = await client.list(pods, { namespace: claim.metadata?.namespace });
      return live.some((pod) => usesClaim(pod, key));
    });
    if (next !== undefined) await ignoringAbsence(client.replace<PersistentVolumeClaim>(persistentVolumeClaims, next));
  });
  claims.onChange(({ type, key }) => {
    if (type !== "deleted") controller.queue.add(key);
  });
  podInformer.onChange(({ type, object, old }: Change<Pod>) => {
    const matters =
      type !== "updated" ||
      object.spec?.nodeName !== old?.spec?.nodeName ||
      isTerminal(object) !== (old !== undefined && isTerminal(old));
    if (!matters) return;
    for (const name of claimNames(object)) {
      controller.queue.add(keyOf({ metadata: { name, namespace: object.metadata?.namespace ?? "" } }));
    }
  });
  return controller;
}

export function volumeProtection(process: Process): Controller {
  const { client } = limitedClient(process, "pv-protection-controller");
  const volumes = process.informers.of(persistentVolumes);
  const controller = new QueueController(process, { name: "pv-protection" }, async (key) => {
    const volume = volumes.store.get(key);
    if (volume === undefined) return;
    const next = await protect(volume, VOLUME_FINALIZER, () => Promise.resolve(volume.status?.phase === "Bound"));
    if (next !== undefined) await ignoringAbsence(client.replace<PersistentVolume>(persistentVolumes, next));
  });
  volumes.onChange(({ type, key }) => {
    if (type !== "deleted") controller.queue.add(key);
  });
  return controller;
}

/**
 * The object as it is to be written: with the finalizer while it lives, without once it is being
 * deleted and not used. Undefined: as it is.
 */
async function protect<T extends KubeObject>(
  object: T,
  finalizer: string,
  isUsed: () => Promise<boolean>,
): Promise<T | undefined> {
  const finalizers = object.metadata?.finalizers ?? [];
  const has = finalizers.includes(finalizer);
  if (object.metadata?.deletionTimestamp === undefined) {
    return has ? undefined : { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
  }
  if (!has || (await isUsed())) return undefined;
  const kept = finalizers.filter((name) => name !== finalizer);
  return { ...object, metadata: { ...object.metadata, finalizers: kept } };
}

async function ignoringAbsence(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
