import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { conditions, duration, objectName, quantity, time, uid } from "./fields.ts";

export const onDrain = z
  .enum(["Move", "Rebuild", "Stay"])
  .describe("What a drain of the volume's node does: copy it elsewhere, start afresh elsewhere, or nothing.");

export const volumePolicies = z
  .strictObject({
    onDrain: onDrain.default("Move"),
    onNodeLoss: z.enum(["Wait", "Rebuild"]).default("Wait").describe("What happens when the node is lost for good."),
    rebuildGate: z
      .string()
      .max(1024)
      .optional()
      .describe("When the next member of a workload may be rebuilt: `ready` or `condition:<pod condition>`."),
    maxDowntime: duration.default("60s").describe("How long the last pass of a copy may keep the pod down."),
    holdTimeout: duration.optional().describe("After this an eviction passes although the data is not safe."),
  })
  .describe("What the StorageClass, and the claim's annotations where it allows them, say for this volume.");

export const localVolumeSpec = z
  .strictObject({
    pool: objectName.describe("The StoragePool. Never changes."),
    capacity: quantity.describe("What the claim asked for. It counts against the pool's room."),
    nodeName: objectName.describe(
      "The node whose copy is the volume. Together with epoch: where the data is. Changes only with a higher epoch.",
    ),
    originHostname: z
      .string()
      .max(63)
      .describe("Value of the label kubernetes.io/hostname that the PersistentVolume's affinity names for ever."),
    epoch: z.int().min(1).describe("Raised by each move. A copy of another epoch is not the volume."),
    incarnation: uid.describe("Random. Tells this volume from another one of the same name."),
    mayCreate: z
      .strictObject({
        nodeName: objectName.describe("Equal to spec.nodeName."),
        epoch: z.int().min(1).describe("Equal to spec.epoch."),
      })
      .optional()
      .describe("The one node and epoch at which a first publish may make an empty directory. Cleared after it."),
    fence: uid
      .optional()
      .describe("UID of the move that is cutting over. While it is set nothing new is published and no node matches."),
    activeMove: z
      .strictObject({
        name: objectName.describe("Name of the VolumeMove."),
        uid: uid.describe("UID of the VolumeMove."),
      })
      .optional()
      .describe("The one VolumeMove that may act on this volume."),
    policies: volumePolicies,
    directory: z
      .strictObject({
        mode: z
          .string()
          .regex(/^[0-7]{3,4}$/)
          .max(4)
          .describe("Permissions in octal, such as 0777."),
        uid: z.int().min(0).max(4_294_967_294).describe("The user that owns it."),
        gid: z.int().min(0).max(4_294_967_294).describe("The group that owns it."),
      })
      .describe("Mode and owner of the volume's directory when it is made."),
    claim: z
      .strictObject({
        namespace: z.string().max(63).describe("The claim's namespace."),
        name: z.string().max(253).describe("The claim's name."),
        uid: uid.describe("The claim's UID."),
      })
      .optional()
      .describe("The claim the volume was made for. For people; nothing is decided by it."),
    reclaim: z
      .boolean()
      .default(false)
      .describe(
        "The order to remove the volume's bytes on every node. Nothing else is such an order. Never taken back.",
      ),
  })
  .describe("What the volume is and where it is. Written by the controller only.");

export const localVolumeStatus = z
  .strictObject({
    asked: z
      .strictObject({
        at: time.describe("When."),
        gracePeriodSeconds: z.int().min(0).optional().describe("The grace period that the eviction asked for."),
      })
      .optional()
      .describe("When an eviction of a pod of this volume was last answered with 429."),
    movedAt: time.optional().describe("When the volume last came to its node by a move."),
    conditions: conditions.optional(),
  })
  .describe("What happens to the volume. Written by the controller only.");

export type VolumePolicies = z.infer<typeof volumePolicies>;
export type LocalVolumeSpec = z.infer<typeof localVolumeSpec>;

/** One movable volume. Has the name of its PersistentVolume. */
export interface LocalVolume extends KubeObject {
  readonly spec: LocalVolumeSpec;
  readonly status?: z.infer<typeof localVolumeStatus>;
}

export const localVolumes = mooringKind<LocalVolume>("LocalVolume", "localvolumes");
