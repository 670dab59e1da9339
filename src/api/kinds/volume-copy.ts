import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { keyedBy, objectName, time, uid, volumeName } from "./fields.ts";

export const copyState = z.enum(["Incoming", "Active", "Sealing", "Sealed", "Trash"]);

export const volumeCopySpec = z
  .strictObject({
    volume: volumeName.describe("The LocalVolume."),
    nodeName: objectName.describe("The node."),
  })
  .describe("Which volume on which node. Written once by that node's agent.");

export const copyOfEpoch = z.strictObject({
  epoch: z.int().min(1).describe("The epoch of the volume to which the copy belongs."),
  directory: z.string().max(255).describe("Name of the directory below the volume's: the epoch, or epoch-move UID."),
  state: copyState.describe(
    "Incoming: being filled. Active: may be published. Sealing, Sealed: nobody can write any more. Trash: waits to be purged.",
  ),
  incarnation: uid.describe("The incarnation of the volume that the copy was made for."),
  poolUUID: uid.describe("UUID of the pool on whose disk the copy is."),
  tombstone: z.boolean().optional().describe("Never published: Sealed stands for “will never be made here”."),
  missing: z.boolean().optional().describe("The directory is not on the disk although it was made: data missing."),
  publishedTo: z
    .array(uid)
    .max(1024)
    .optional()
    .describe("UIDs of the pods at which it is mounted, by the mount table."),
  bytes: z.int().min(0).optional().describe("Bytes that the copy uses on the disk."),
  files: z.int().min(0).optional().describe("Files and directories in the copy."),
});

export const copyReport = z
  .strictObject({
    moveUID: uid.describe("UID of the VolumeMove."),
    sealing: z.int().min(0).describe("The move's status.sealing that the report answers."),
    copyingAt: time
      .optional()
      .describe("The move's status.copyingAt that a report of live passes answers. Absent: it is not of these."),
    role: z.enum(["Source", "Target"]).describe("Whether this node gives or gets the data."),
    state: z
      .enum(["Checked", "Waiting", "Refused", "Sealed", "Unsealed", "Copying", "Precopied", "Copied"])
      .describe(
        "Source: Checked (nothing stands in the way), Waiting for its last users, Sealed, or Unsealed after an undo. Target: Copying, Precopied (most of it is there, while the pod still writes) or Copied (compared and durable). Refused: see code and message.",
      ),
    code: z.string().max(128).optional().describe("Code of the error, where state is Refused or Waiting."),
    message: z.string().max(4096).optional().describe("What is waited for, or why it was refused."),
    tombstone: z.boolean().optional().describe("The volume was never published: there is nothing to copy."),
    digest: z.string().max(128).optional().describe("Hash over everything in the tree. Equal trees have equal ones."),
    bytes: z.int().min(0).optional().describe("Bytes of all files in the tree."),
    files: z.int().min(0).optional().describe("Files and directories in the tree."),
    toRead: z.int().min(0).optional().describe("Bytes that this pass has still to read at the source."),
    toSend: z
      .int()
      .min(0)
      .optional()
      .describe("Bytes that the last live pass has sent: about as much is left to send."),
    sealMs: z
      .int()
      .min(0)
      .optional()
      .describe(
        "Milliseconds from the moment at which nobody had the volume mounted any more until the tree was summed up.",
      ),
    rate: z.int().min(0).optional().describe("Bytes per second."),
    bootID: uid.optional().describe("The kernel's boot ID when the report was made: hashes do not outlive it."),
    at: time.describe("When the report was made."),
  })
  .describe("What the agent has done for the move that is in progress.");

export const volumeCopyStatus = z
  .strictObject({
    copies: z
      .array(copyOfEpoch)
      .max(64)
      .meta(keyedBy("directory"))
      .optional()
      .describe("The copies of this volume on this node, one for each stay, in the order of their epochs."),
    purged: z
      .boolean()
      .optional()
      .describe("All bytes of the volume on this node are removed and none will be made: the volume is reclaimed."),
    move: copyReport.optional(),
  })
  .describe("What is on the disk. Written by that node's agent only.");

export type CopyState = z.infer<typeof copyState>;
export type CopyOfEpoch = z.infer<typeof copyOfEpoch>;
export type CopyReport = z.infer<typeof copyReport>;

/** What one node has of one volume. Written by that node's agent only. */
export interface VolumeCopy extends KubeObject {
  readonly spec: z.infer<typeof volumeCopySpec>;
  readonly status?: z.infer<typeof volumeCopyStatus>;
}

export const volumeCopies = mooringKind<VolumeCopy>("VolumeCopy", "volumecopies");
