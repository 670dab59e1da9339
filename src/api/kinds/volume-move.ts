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
 * The phases that may follow each phase in one write. The API server refuses everything else. The
 * steps back before the commit:
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
          name: volumeName.describe("The LocalVolume."),
          mode: z
            .enum(["Copy", "Rebuild"])
            .default("Copy")
            .describe("Copy: with its data. Rebuild: empty, the application fills it again."),
        }),
      )
      .min(1)
      .max(64)
      .describe("The volumes that move together: all volumes of their pods."),
    from: objectName.describe("The node the volumes are on."),
    to: objectName.optional().describe("The node to move to. Without it one is chosen."),
    reason: z.enum(["Request", "Drain", "Replace"]).default("Request").describe("Who wants it."),
    bandwidth: quantity.optional().describe("Bytes per second at most. May be changed while the move runs."),
  })
  .describe("What to move. Only bandwidth may be changed later.");

export const volumeMoveStatus = z
  .strictObject({
    phase: movePhase
      .optional()
      .describe(
        "How far the move is: Planned, Copying, Prepared, Fenced, Sealed, Committed, Done; or Undoing and Cancelled.",
      ),
    target: objectName.optional().describe("The node that was chosen."),
    sealing: z.int().min(0).optional().describe("Raised each time the move enters Fenced. Reports must name it."),
    committed: z.boolean().optional().describe("True once the copy on the target is the volume. Never taken back."),
    volumes: z
      .array(
        z.strictObject({
          name: volumeName.describe("The LocalVolume."),
          epoch: z.int().min(1).describe("Its epoch before the move."),
          incarnation: uid.describe("Its incarnation."),
        }),
      )
      .max(64)
      .optional()
      .describe("The volumes as the move found them."),
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
      .describe("The pods of the group when the move entered Fenced."),
    progress: z.string().max(64).optional().describe("For people: 4.2 of 10 GiB."),
    bytesTotal: z.int().min(0).optional().describe("Bytes of all volumes of the move."),
    bytesDone: z.int().min(0).optional().describe("Bytes of them that are on the target."),
    eta: z.string().max(64).optional().describe("For people: how long the copy will still take."),
    message: z.string().max(4096).optional().describe("What the move does now, and what it waits for."),
    startedAt: time.optional().describe("When the controller took the move up."),
    copyingAt: time.optional().describe("When the move last entered Copying."),
    fencedAt: time.optional().describe("When the move last entered Fenced."),
    evictedAt: time.optional().describe("When the controller last sent the first eviction of the group."),
    closedAt: time
      .optional()
      .describe("When nobody had the volumes mounted any more: sealedAt less what the agents measured since then."),
    sealedAt: time.optional().describe("When the move last entered Sealed."),
    committedAt: time.optional().describe("When the copy on the target became the volume."),
    finishedAt: time.optional().describe("When the move became Done or Cancelled."),
    retryAt: time.optional().describe("Not before this time is the current step tried again."),
    failedTargets: z
      .array(
        z.strictObject({
          node: objectName.describe("The node."),
          failures: z.int().min(1).describe("How often copying to it was given up."),
          retryAt: time.describe("Not before this time is it chosen again."),
          message: z.string().max(1024).describe("Why the last copy to it was given up."),
        }),
      )
      .max(64)
      .optional()
      .describe("Nodes to which the copy failed again and again. Others are tried first."),
    failures: z.int().min(0).optional().describe("How often the current step failed in a row."),
    downtime: z
      .strictObject({
        ours: z
          .string()
          .max(32)
          .optional()
          .describe("Our part, from closedAt to the last new place: seal, last pass, commit."),
        kubelets: z
          .string()
          .max(32)
          .optional()
          .describe("The rest, up to the next publish: scheduling, the kubelet. A pod's own end is in neither."),
      })
      .optional()
      .describe("Seconds between the last unpublish and the next publish: our part, and the kubelets'."),
    conditions: conditions.optional(),
  })
  .describe("How the move goes. Written by the controller only.");

export type MovePhase = z.infer<typeof movePhase>;
export type VolumeMoveStatus = z.infer<typeof volumeMoveStatus>;

/** The move of a group of volumes from one node to another. */
export interface VolumeMove extends KubeObject {
  readonly spec: z.infer<typeof volumeMoveSpec>;
  readonly status?: VolumeMoveStatus;
}

export const volumeMoves = mooringKind<VolumeMove>("VolumeMove", "volumemoves");
