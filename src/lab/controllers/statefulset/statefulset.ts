// The StatefulSet controller. At most one pod per ordinal: a new one is made only when the object
// of the old one is gone. Simpler than the real one: no ControllerRevision objects (a pod below the
// partition is made from the newest template), no claim retention policy.
import { isAlreadyExists, isNotFound } from "../../../kube/errors.ts";
import { persistentVolumeClaims, pods, type Pod } from "../../../kube/kinds.ts";
import { keyOf, uidOf } from "../../../kube/objects.ts";
import { statefulSets, type StatefulSet } from "../../objects/kinds.ts";
import { about, isControlledBy } from "../../objects/owners.ts";
import { isReady, isTerminating } from "../../objects/pods.ts";
import { observed, writeStatus } from "../../objects/status.ts";
import { limitedClient, QueueController, type Controller, type Process } from "../../process/process.ts";
import { claimsOf, makePod, podName, revisionOf } from "./make-pod.ts";
import { planSet, type Step } from "./plan.ts";

export function statefulSetController(process: Process): Controller {
  const { client, recorder } = limitedClient(process, "statefulset-controller");
  const sets = process.informers.of(statefulSets);
  const podInformer = process.informers.of(pods);
  const claims = process.informers.of(persistentVolumeClaims);

  const say = (set: StatefulSet, type: "Normal" | "Warning", reason: string, message: string): void => {
    recorder.record(about(statefulSets, set), { type, reason, message });
  };

  const ensureClaims = async (set: StatefulSet, ordinal: number): Promise<void> => {
    const setName = set.metadata?.name ?? "";
    for (const claim of claimsOf(set, ordinal)) {
      const name = claim.metadata?.name ?? "";
      const known = claims.store.get(keyOf(claim));
      if (known?.metadata?.deletionTimestamp !== undefined) throw new Error(`pvc ${name} is being deleted`);
      if (known !== undefined) continue;
      try {
        await client.create(persistentVolumeClaims, claim);
        const message = `create Claim ${name} Pod ${podName(set, ordinal)} in StatefulSet ${setName} success`;
        say(set, "Normal", "SuccessfulCreate", message);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
    }
  };

  const act = async (set: StatefulSet, step: Step, signal: AbortSignal): Promise<void> => {
    const setName = set.metadata?.name ?? "";
    if (step.do === "delete") {
      const { name = "", namespace } = step.pod.metadata ?? {};
      await client.delete(pods, { name, namespace }, { uid: uidOf(step.pod) }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      say(set, "Normal", "SuccessfulDelete", `delete Pod ${name} in StatefulSet ${setName} successful`);
      return;
    }
    await ensureClaims(set, step.ordinal);
    if (step.do === "ensure-claims") return;
    const name = podName(set, step.ordinal);
    try {
      const made = await client.create(pods, makePod(set, step.ordinal));
      say(set, "Normal", "SuccessfulCreate", `create Pod ${name} in StatefulSet ${setName} successful`);
      await podInformer.waitFor(made.metadata?.resourceVersion ?? "0", signal);
    } catch (error) {
      if (isAlreadyExists(error)) return;
      const why = error instanceof Error ? error.message : String(error);
      say(set, "Warning", "FailedCreate", `create Pod ${name} in StatefulSet ${setName} failed error: ${why}`);
      throw error;
    }
  };

  const controller = new QueueController(process, { name: "statefulset" }, async (key, signal) => {
    const set = sets.store.get(key);
    if (set === undefined || set.metadata?.deletionTimestamp !== undefined) return;
    const owned = (): readonly Pod[] => podInformer.store.list().filter((pod) => isControlledBy(pod, set));
    for (const step of planSet(set, owned())) await act(set, step, signal);
    await writeStatus(client, statefulSets, set, statusOf(set, owned()));
  });
  controller.watchOwners(sets, "StatefulSet", podInformer);
  return controller;
}

function statusOf(set: StatefulSet, owned: readonly Pod[]): NonNullable<StatefulSet["status"]> {
  const wanted = revisionOf(set);
  const live = owned.filter((pod) => !isTerminating(pod));
  const ready = live.filter(isReady).length;
  const updated = live.filter((pod) => pod.metadata?.labels?.["controller-revision-hash"] === wanted).length;
  const done = updated === (set.spec?.replicas ?? 1) && updated === ready;
  const current = done ? wanted : (set.status?.currentRevision ?? wanted);
  return {
    ...set.status,
    ...observed(set),
    replicas: owned.length,
    readyReplicas: ready,
    availableReplicas: ready,
    currentReplicas: live.filter((pod) => pod.metadata?.labels?.["controller-revision-hash"] === current).length,
    updatedReplicas: updated,
    currentRevision: current,
    updateRevision: wanted,
    collisionCount: 0,
  };
}
