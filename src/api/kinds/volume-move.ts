import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { condition, objectName, quantity, time, uid, volumeName } from "./fields.ts";

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

export const volumeMoveSpec = z
  .strictObject({
    volumes: z
      .array(z.strictObject({ name: volumeName, mode: z.enum(["Copy", "Rebuild"]).default("Copy") }))
      .min(1)
      .max(64)
      .describe("The volumes that move together: all volumes of their pods."),
    from: objectName.describe("The node the volumes are on."),
    to: objectName.optional().describe("The node to move to. Without it one is chosen."),
    reason: z.enum(["Request", "Drain", "Replace"]).default("Request").describe("Who wants it."),
    bandwidth: quantity.optional().describe("Bytes per second at most. May be changed while the move runs."),
  })
  .describe("What to move. Only bandwidth may be changed later.");

export const volumeMoveStatus = z.strictObject({
  phase: movePhase.optional(),
  target: objectName.optional().describe("The node that was chosen."),
  sealing: z.int().min(0).optional().describe("Raised each time the move enters Fenced. Reports must name it."),
  committed: z.boolean().optional().describe("True once the copy on the target is the volume. Never taken back."),
  volumes: z
    .array(z.strictObject({ name: volumeName, epoch: z.int().min(1), incarnation: uid }))
    .optional()
    .describe("The volumes as the move found them."),
  pods: z
    .array(z.strictObject({ namespace: z.string(), name: z.string(), uid }))
    .optional()
    .describe("The pods of the group when the move entered Fenced."),
  progress: z.string().max(64).optional().describe("For people: 4.2 of 10 GiB."),
  bytesTotal: z.int().min(0).optional(),
  bytesDone: z.int().min(0).optional(),
  eta: z.string().max(64).optional().describe("For people: how long the copy will still take."),
  message: z.string().max(4096).optional().describe("What the move does now, and what it waits for."),
  startedAt: time.optional(),
  fencedAt: time.optional(),
  evictedAt: time.optional(),
  sealedAt: time.optional(),
  committedAt: time.optional(),
  finishedAt: time.optional(),
  retryAt: time.optional().describe("Not before this time is the current step tried again."),
  failures: z.int().min(0).optional().describe("How often the current step failed in a row."),
  downtime: z
    .strictObject({ ours: z.string().max(32).optional(), kubelets: z.string().max(32).optional() })
    .optional()
    .describe("Seconds between the last unpublish and the next publish: our part, and the kubelets'."),
  conditions: z.array(condition).optional(),
});

export type MovePhase = z.infer<typeof movePhase>;
export type VolumeMoveStatus = z.infer<typeof volumeMoveStatus>;

/** The move of a group of volumes from one node to another. */
export interface VolumeMove extends KubeObject {
  readonly spec: z.infer<typeof volumeMoveSpec>;
  readonly status?: VolumeMoveStatus;
}

export const volumeMoves = mooringKind<VolumeMove>("VolumeMove", "volumemoves");
