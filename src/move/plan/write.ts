import { localVolumes, type LocalVolumeSpec } from "../../api/kinds/local-volume.ts";
import { volumeMoves } from "../../api/kinds/volume-move.ts";
import { MOVE_FINALIZER } from "../../api/names.ts";
import type { JsonPatchOperation, KubeClient } from "../../kube/client.ts";
import { pods } from "../../kube/kinds.ts";
import type { KubeObject } from "../../kube/objects.ts";
import type { Stored } from "./stored.ts";
import type { MoveStep } from "./step.ts";

type WriteStep = Exclude<MoveStep, { readonly step: "nothing" | "read" | "wait" }>;

/** The fields of a LocalVolume that a move writes. */
const FIELDS = [
  "nodeName",
  "epoch",
  "mayCreate",
  "fence",
  "activeMove",
] as const satisfies readonly (keyof LocalVolumeSpec)[];

/**
 * Does a step with one request. It carries the resourceVersion of the object on which the step was
 * decided, or the UID of the pod. So a controller that has lost its lease cannot overwrite later
 * changes.
 */
export async function write(client: KubeClient, step: WriteStep, signal: AbortSignal): Promise<void> {
  switch (step.step) {
    case "add-finalizer": {
      const before = step.move.metadata.finalizers ?? [];
      const value = [...before, MOVE_FINALIZER];
      await client.patchJson(
        volumeMoves,
        at(step.move),
        [...same(step.move), { op: "add", path: "/metadata/finalizers", value }],
        { signal },
      );
      return;
    }
    case "remove-finalizer": {
      const value = (step.move.metadata.finalizers ?? []).filter((name) => name !== MOVE_FINALIZER);
      await client.patchJson(
        volumeMoves,
        at(step.move),
        [...same(step.move), { op: "replace", path: "/metadata/finalizers", value }],
        { signal },
      );
      return;
    }
    case "set-status":
      await client.replace(volumeMoves, { ...step.move, status: step.status }, { subresource: "status", signal });
      return;
    case "change-volume":
      await client.patchJson(
        localVolumes,
        at(step.volume),
        [...same(step.volume), ...difference(step.volume.spec, step.spec)],
        { signal },
      );
      return;
    case "set-moved-at": {
      const value = { ...step.volume.status, movedAt: step.at };
      const patch: JsonPatchOperation[] = [...same(step.volume), { op: "add", path: "/status", value }];
      await client.patchJson(localVolumes, at(step.volume), patch, { subresource: "status", signal });
      return;
    }
    case "try-evict":
      await client.evict(step.pod, { signal, dryRun: true });
      return;
    case "evict":
      await client.evict(step.pod, { signal, gracePeriodSeconds: step.gracePeriodSeconds });
      return;
    case "delete-pod": {
      const { pod, gracePeriodSeconds } = step;
      const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
      await client.delete(pods, pod, { uid: pod.uid, ...grace, signal });
      return;
    }
    default:
      return step satisfies never;
  }
}

function at(object: Stored<KubeObject>): { name: string } {
  return { name: object.metadata.name };
}

/** Tests that the object is the one that was read, and that it has not changed since. */
function same({ metadata: { uid, resourceVersion } }: Stored<KubeObject>): readonly JsonPatchOperation[] {
  return [
    { op: "test", path: "/metadata/uid", value: uid },
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
  ];
}

function difference(before: LocalVolumeSpec, after: LocalVolumeSpec): readonly JsonPatchOperation[] {
  return FIELDS.flatMap((field): JsonPatchOperation[] => {
    const path = `/spec/${field}`;
    const value = after[field];
    if (value !== undefined) return value === before[field] ? [] : [{ op: "add", path, value }];
    return before[field] === undefined ? [] : [{ op: "remove", path }];
  });
}
