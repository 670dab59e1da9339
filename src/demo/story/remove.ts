import { persistentVolumeClaims } from "../../kube/kinds.ts";
import { deleteAll } from "../cluster/apply.ts";
import { isNotFound } from "../../kube/errors.ts";
import { gatherRemoved, leftOf } from "./gather.ts";
import { ofUser } from "./settled.ts";
import { until, type Stage } from "./stage.ts";

/**
 * Deletes what was applied, and the claims, which a StatefulSet does not delete. Then waits until
 * volumes and directories are gone.
 */
export async function removeEverything(stage: Stage): Promise<void> {
  const { client, facts, signal, timeline, view, workload } = stage;
  timeline.act("Delete everything");
  await deleteAll(client, workload.objects, signal);
  for (const { metadata } of ofUser(view.snapshot).claims) {
    const at = { name: metadata?.name ?? "", namespace: metadata?.namespace };
    await client.delete(persistentVolumeClaims, at, { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
  try {
    await until(stage, "claims and volumes to be gone", (snapshot) => {
      const { claims, volumes, helperPods } = leftOf(snapshot);
      return [...claims, ...volumes, ...helperPods].length === 0 ? true : undefined;
    });
  } finally {
    if (!signal.aborted) facts.removed = await gatherRemoved(view.snapshot, facts);
  }
}
