import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps } from "../../kube/queue/controller.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import { pods as podResource, type Pod } from "../../kube/kinds.ts";
import { keyOf, type Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { Recorder } from "../../provision/events.ts";
import * as events from "../events.ts";
import { podsOfVolume, volumesOfPod, type PodVolumeSources } from "../pod-volumes.ts";
import { planSweep } from "./plan.ts";

export interface SweepDeps extends ControllerDeps, PodVolumeSources {
  readonly client: KubeClient;
  readonly recorder: Recorder;
  /** Of all namespaces, with the index of `podIndexes`. */
  readonly pods: Informer<Pod>;
  readonly volumes: Informer<LocalVolume>;
}

const WORKERS = 4;

/**
 * Deletes pods that landed on a node their volume has left (plan.ts), until the signal is aborted.
 * It happens when a label changed while the scheduler was binding the pod.
 */
export async function runSweep(deps: SweepDeps, signal: AbortSignal): Promise<void> {
  const { client, clock, log, pods, recorder, volumes } = deps;
  const queue = new WorkQueue({ clock }, { name: "wrong-nodes" });
  const stops = [
    pods.onChange(({ key, type }) => {
      if (type !== "deleted") queue.add(key);
    }),
    volumes.onChange(({ object }) => {
      for (const pod of podsOfVolume(deps, object.metadata.name)) {
        if (pod.status?.phase === "Pending") queue.add(keyOf(pod));
      }
    }),
  ];
  const reconcile = async (key: string, stop: AbortSignal): Promise<void> => {
    const pod = pods.store.get(key);
    if (pod === undefined) return;
    const seen = volumesOf(deps, pod);
    if (planSweep(pod, seen).step === "nothing") return;
    // The cache may be older than a move that the pod has followed already.
    const now = await Promise.all(
      seen.map(({ metadata: { name } }) => client.find(localVolumes, { name }, { signal: stop })),
    );
    const plan = planSweep(
      pod,
      now.filter((volume) => volume !== undefined),
    );
    if (plan.step === "nothing") return;
    if (plan.step === "tell-apart") {
      recorder.record(events.aboutPod(pod), events.volumesApart(plan.places));
      return;
    }
    const { name, namespace, uid, resourceVersion } = pod.metadata;
    log.info("deleting a pod that landed on a node its volume is not on", { pod: key, ...plan });
    recorder.record(events.aboutPod(pod), events.sweptFrom(pod.spec?.nodeName ?? "", plan.volume, plan.where));
    try {
      await client.delete(podResource, { name, namespace }, { uid, resourceVersion, signal: stop });
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  };
  try {
    await runController(deps, { name: "wrong-nodes", queue, workers: WORKERS, reconcile }, signal);
  } finally {
    for (const stop of stops) stop();
  }
}

function volumesOf(deps: PodVolumeSources & Pick<SweepDeps, "volumes">, pod: Stored<Pod>): Stored<LocalVolume>[] {
  return volumesOfPod(deps, pod).flatMap((name) => deps.volumes.store.get(name) ?? []);
}
