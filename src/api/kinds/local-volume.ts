import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { conditions, duration, objectName, quantity, time, uid } from "./fields.ts";

export const onDrain = z
  .enum(["Move", "Rebuild", "Stay"])
  .describe(
    "What happens to the volume when its node is drained. Move: it is copied to another node. Rebuild (not supported yet): it starts empty on another node. Stay: it stays, and does not hold the drain.",
  );

/** The policy of a volume whose class does not set one. */
export const DEFAULT_MAX_DOWNTIME = "60s";

export const volumePolicies = z
  .strictObject({
    onDrain: onDrain.default("Move"),
    onNodeLoss: z
      .enum(["Wait", "Rebuild"])
      .default("Wait")
      .describe(
        "What happens to the volume when its node is lost for good. Wait: nothing, until an administrator decides. Rebuild (not supported yet): it starts empty on another node.",
      ),
    rebuildGate: z
      .string()
      .max(1024)
      .optional()
      .describe(
        "Not supported yet. Condition under which the next member of a workload may be rebuilt: `ready` or `condition:<pod condition>`.",
      ),
    maxDowntime: duration
      .default(DEFAULT_MAX_DOWNTIME)
      .describe(
        "Longest time for which the final pass of a copy should keep the pods down. Live passes continue until the final pass will probably take no longer than this, or until further passes would hardly make it shorter. If it will take longer, a Warning says so, and the move continues.",
      ),
    holdTimeout: duration
      .optional()
      .describe("Not supported yet. Time after which an eviction passes although the data is not safe."),
  })
  .describe(
    "Policies of this volume. They come from the StorageClass, and from the claim's annotations where the class allows them.",
  );

export const localVolumeSpec = z
  .strictObject({
    pool: objectName.describe("Name of the volume's StoragePool. Never changes."),
    capacity: quantity.describe("Size that the claim requested. It counts against the free space of the pool."),
    nodeName: objectName.describe(
      "The node whose copy is the volume. nodeName and epoch together say where the data is. Changes only together with a higher epoch.",
    ),
    originHostname: z
      .string()
      .max(63)
      .describe(
        "Value of the label kubernetes.io/hostname in the PersistentVolume's node affinity. The affinity keeps it for ever, also after the volume has moved.",
      ),
    epoch: z.int().min(1).describe("A number that each move raises. A copy of another epoch is not the volume."),
    incarnation: uid.describe("A random value. It distinguishes this volume from another one of the same name."),
    mayCreate: z
      .strictObject({
        nodeName: objectName.describe("Equal to spec.nodeName."),
        epoch: z.int().min(1).describe("Equal to spec.epoch."),
      })
      .optional()
      .describe(
        "The only node and epoch at which the first publish may make an empty directory. Removed after that publish.",
      ),
    fence: uid
      .optional()
      .describe(
        "UID of the move that is cutting over. While it is set, no new pod gets the volume mounted, and no node matches the PersistentVolume's affinity.",
      ),
    activeMove: z
      .strictObject({
        name: objectName.describe("Name of the VolumeMove."),
        uid: uid.describe("UID of the VolumeMove."),
      })
      .optional()
      .describe("The only VolumeMove that may act on this volume."),
    policies: volumePolicies,
    directory: z
      .strictObject({
        mode: z
          .string()
          .regex(/^[0-7]{3,4}$/)
          .max(4)
          .describe("Permissions in octal, such as 0777."),
        uid: z.int().min(0).max(4_294_967_294).describe("User ID of the owner."),
        gid: z.int().min(0).max(4_294_967_294).describe("Group ID of the owner."),
      })
      .describe("Mode and owner that the volume's directory gets when it is made."),
    claim: z
      .strictObject({
        namespace: z.string().max(63).describe("The claim's namespace."),
        name: z.string().max(253).describe("The claim's name."),
        uid: uid.describe("The claim's UID."),
      })
      .optional()
      .describe("The claim for which the volume was made. For people only: Mooring decides nothing by it."),
    reclaim: z
      .boolean()
      .default(false)
      .describe(
        "True orders the agents to remove the volume's bytes on every node. Nothing else orders this. Never becomes false again.",
      ),
  })
  .describe("The volume's properties and its node. Only the controller writes this.");

export const localVolumeStatus = z
  .strictObject({
    asked: z
      .strictObject({
        at: time.describe("Time of that eviction."),
        gracePeriodSeconds: z.int().min(0).optional().describe("Grace period that the eviction requested."),
        epoch: z
          .int()
          .min(1)
          .optional()
          .describe(
            "spec.epoch of the volume that the eviction was about. The request counts only as long as spec.epoch is the same: after a move the volume is on another node, which nobody may have drained. A version before this field does not write it.",
          ),
        epochAt: time
          .optional()
          .describe(
            "Copy of `at`, written together with epoch. If the two differ, epoch is that of an earlier request: a version before that field has written over that request, and has left its epoch in place. The request then counts as one without an epoch.",
          ),
      })
      .optional()
      .describe("The last eviction of a pod of this volume that was held (answered with 429)."),
    movedAt: time.optional().describe("Time at which a move last brought the volume to a new node."),
    conditions: conditions.optional(),
  })
  .describe("Current state of the volume. Only the controller writes this.");

export type VolumePolicies = z.infer<typeof volumePolicies>;
export type LocalVolumeSpec = z.infer<typeof localVolumeSpec>;

/** One movable volume. Has the name of its PersistentVolume. */
export interface LocalVolume extends KubeObject {
  readonly spec: LocalVolumeSpec;
  readonly status?: z.infer<typeof localVolumeStatus>;
}

export const localVolumes = mooringKind<LocalVolume>("LocalVolume", "localvolumes");
