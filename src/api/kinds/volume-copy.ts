import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { objectName, time, uid, volumeName } from "./fields.ts";

export const copyState = z.enum(["Incoming", "Active", "Sealing", "Sealed", "Trash"]);

export const volumeCopySpec = z
  .strictObject({ volume: volumeName, nodeName: objectName })
  .describe("Which volume on which node. Written once by that node's agent.");

export const copyOfEpoch = z.strictObject({
  epoch: z.int().min(1),
  directory: z.string().max(255).describe("Name of the directory below the volume's: the epoch, or epoch-move UID."),
  state: copyState,
  incarnation: uid,
  poolUUID: uid,
  tombstone: z.boolean().optional().describe("Never published: Sealed stands for “will never be made here”."),
  missing: z.boolean().optional().describe("The directory is not on the disk although it was made: data missing."),
  publishedTo: z.array(uid).optional().describe("UIDs of the pods at which it is mounted, by the mount table."),
  bytes: z.int().min(0).optional(),
  files: z.int().min(0).optional(),
});

export const copyReport = z
  .strictObject({
    moveUID: uid,
    sealing: z.int().min(0),
    role: z.enum(["Source", "Target"]),
    state: z
      .enum(["Waiting", "Refused", "Sealed", "Unsealed", "Copying", "Copied"])
      .describe(
        "Source: Waiting for its last users, Sealed, or Unsealed after an undo. Target: Copying or Copied (compared and durable). Refused: see code and message.",
      ),
    code: z.string().max(128).optional(),
    message: z.string().max(4096).optional(),
    tombstone: z.boolean().optional(),
    digest: z.string().max(128).optional().describe("Hash over everything in the tree. Equal trees have equal ones."),
    bytes: z.int().min(0).optional(),
    files: z.int().min(0).optional(),
    toRead: z.int().min(0).optional(),
    toSend: z.int().min(0).optional(),
    rate: z.int().min(0).optional().describe("Bytes per second."),
    bootID: uid.optional(),
    at: time,
  })
  .describe("What the agent has done for the move that is in progress.");

export const volumeCopyStatus = z.strictObject({
  copies: z.array(copyOfEpoch).optional().describe("The copies of this volume on this node, one for each stay."),
  purged: z
    .boolean()
    .optional()
    .describe("All bytes of the volume on this node are removed and none will be made: the volume is reclaimed."),
  move: copyReport.optional(),
});

export type CopyState = z.infer<typeof copyState>;
export type CopyOfEpoch = z.infer<typeof copyOfEpoch>;
export type CopyReport = z.infer<typeof copyReport>;

/** What one node has of one volume. Written by that node's agent only. */
export interface VolumeCopy extends KubeObject {
  readonly spec: z.infer<typeof volumeCopySpec>;
  readonly status?: z.infer<typeof volumeCopyStatus>;
}

export const volumeCopies = mooringKind<VolumeCopy>("VolumeCopy", "volumecopies");
