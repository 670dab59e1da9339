import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { conditions, objectName, quantity, time, uid, volumeName } from "./fields.ts";

export const movePhase = z.enum([
  "Planned",
  "Copying",
  "Prepared",
  "Fenced",
  "Sealed",
  "Committed",
  "Done",
  "Undoing",
  "Cancelled",
]);

/**
 * The phases that may follow each phase in one write. The API server refuses everything else. These
 * are the steps back before the commit:
 * - Copying or Prepared to Planned: another target is chosen;
 * - Fenced to Prepared: the pods were not evicted in time;
 * - Sealed to Fenced: the seal or the final pass failed.
 */
export const NEXT_PHASES: Readonly<Record<MovePhase, readonly MovePhase[]>> = {
  Planned: ["Copying", "Cancelled", "Undoing"],
  Copying: ["Prepared", "Planned", "Cancelled", "Undoing"],
  Prepared: ["Fenced", "Planned", "Cancelled", "Undoing"],
  Fenced: ["Sealed", "Prepared", "Undoing"],
  Sealed: ["Committed", "Fenced", "Undoing"],
  Committed: ["Done"],
  Done: [],
  Undoing: ["Cancelled"],
  Cancelled: [],
};

export const volumeMoveSpec = z
  .strictObject({
    volumes: z
      .array(
        z.strictObject({
          name: volumeName.describe("Name of the LocalVolume."),
          mode: z
            .enum(["Copy", "Rebuild"])
            .default("Copy")
            .describe(
              "Copy: the volume moves with its data. Rebuild (not supported yet): it is empty on the new node, and the application fills it again.",
            ),
        }),
      )
      .min(1)
      .max(64)
      .describe("The volumes that move together. They must be all volumes of their pods."),
    from: objectName.describe("The node on which the volumes are."),
    to: objectName.optional().describe("The node to which the volumes move. If absent, Mooring chooses one."),
    reason: z
      .enum(["Request", "Drain", "Replace"])
      .default("Request")
      .describe(
        "Why the move was made. Request: somebody asked for it. Drain: the node is drained. Replace: not used yet.",
      ),
    bandwidth: quantity
      .optional()
      .describe("Highest speed of the copy, in bytes per second. May be changed while the move is in progress."),
  })
  .describe("The volumes to move, and the nodes. Only bandwidth may be changed later.");

export const volumeMoveStatus = z
  .strictObject({
    phase: movePhase
      .optional()
      .describe(
        "Phase of the move, in this order: Planned, Copying, Prepared, Fenced, Sealed, Committed, Done. A move that is undone ends with Undoing and Cancelled.",
      ),
    target: objectName.optional().describe("The node to which the volumes move."),
    sealing: z
      .int()
      .min(0)
      .optional()
      .describe("A number that rises each time the move enters Fenced. A report counts only if it names this number."),
    committed: z
      .boolean()
      .optional()
      .describe("True once the copy on the target is the volume. Never becomes false again."),
    volumes: z
      .array(
        z.strictObject({
          name: volumeName.describe("Name of the LocalVolume."),
          epoch: z.int().min(1).describe("Epoch of the volume before the move."),
          incarnation: uid.describe("Incarnation of the volume."),
        }),
      )
      .max(64)
      .optional()
      .describe("The volumes, as they were when the move began."),
    pods: z
      .array(
        z.strictObject({
          namespace: z.string().max(63).describe("The pod's namespace."),
          name: z.string().max(253).describe("The pod's name."),
          uid: uid.describe("The pod's UID."),
        }),
      )
      .max(1024)
      .optional()
      .describe("The pods of the group at the time the move entered Fenced."),
    progress: z.string().max(64).optional().describe("Progress of the copy, such as 4.2 of 10 GiB. For people."),
    bytesTotal: z.int().min(0).optional().describe("Total bytes of all volumes of the move."),
    bytesDone: z.int().min(0).optional().describe("Bytes of bytesTotal that are on the target already."),
    eta: z.string().max(64).optional().describe("Estimated time until the copy is complete. For people."),
    message: z.string().max(4096).optional().describe("The current activity of the move, and what it waits for."),
    startedAt: time.optional().describe("Time at which the controller began the move."),
    copyingAt: time.optional().describe("Time at which the move last entered Copying."),
    fencedAt: time.optional().describe("Time at which the move last entered Fenced."),
    evictedAt: time.optional().describe("Time at which the controller last began to evict the pods of the group."),
    closedAt: time
      .optional()
      .describe(
        "Time of the last unmount of the volumes on the source: sealedAt minus the time that the agents measured since that unmount.",
      ),
    sealedAt: time.optional().describe("Time at which the move last entered Sealed."),
    committedAt: time.optional().describe("Time at which the copy on the target became the volume."),
    finishedAt: time.optional().describe("Time at which the move became Done or Cancelled."),
    retryAt: time.optional().describe("The current step is not tried again before this time."),
    failedTargets: z
      .array(
        z.strictObject({
          node: objectName.describe("The node."),
          failures: z.int().min(1).describe("Number of times that copying to this node was given up."),
          retryAt: time.describe("The node is not chosen again before this time."),
          message: z.string().max(1024).describe("Reason why the last copy to this node was given up."),
        }),
      )
      .max(64)
      .optional()
      .describe("Nodes to which copying failed repeatedly. Other nodes are tried first."),
    failures: z.int().min(0).optional().describe("Number of times in a row that the current step failed."),
    downtime: z
      .strictObject({
        ours: z
          .string()
          .max(32)
          .optional()
          .describe(
            "Mooring's part: from closedAt until every volume had its new node. It is the time of the seal, the final pass and the commit.",
          ),
        kubelets: z
          .string()
          .max(32)
          .optional()
          .describe(
            "The rest, up to the next publish: scheduling and the kubelet. The time that the old pod took to end is in neither part.",
          ),
      })
      .optional()
      .describe("Seconds from the last unpublish on the source to the next publish on the target, in two parts."),
    conditions: conditions.optional(),
  })
  .describe("Current state of the move. Only the controller writes this.");

export type MovePhase = z.infer<typeof movePhase>;
export type VolumeMoveStatus = z.infer<typeof volumeMoveStatus>;

/** Moves a group of volumes from one node to another. */
export interface VolumeMove extends KubeObject {
  readonly spec: z.infer<typeof volumeMoveSpec>;
  readonly status?: VolumeMoveStatus;
}

export const volumeMoves = mooringKind<VolumeMove>("VolumeMove", "volumemoves");
