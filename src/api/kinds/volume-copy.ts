import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { keyedBy, objectName, time, uid, volumeName } from "./fields.ts";

export const copyState = z.enum(["Incoming", "Active", "Sealing", "Sealed", "Trash"]);

export const volumeCopySpec = z
  .strictObject({
    volume: volumeName.describe("Name of the LocalVolume."),
    nodeName: objectName.describe("Name of the node."),
  })
  .describe("The volume and the node. The node's agent writes them once.");

export const copyOfEpoch = z.strictObject({
  epoch: z.int().min(1).describe("Epoch of the volume to which the copy belongs."),
  directory: z
    .string()
    .max(255)
    .describe(
      "Name of the copy's directory in the directory of the volume: `<epoch>`, or `<epoch>-<UID of the move>`.",
    ),
  state: copyState.describe(
    "Incoming: a move is filling the copy. Active: it may be published. Sealing: it is closed for new publishes. Sealed: nobody can write any more. Trash: its bytes are purged later.",
  ),
  incarnation: uid.describe("Incarnation of the volume for which the copy was made."),
  poolUUID: uid.describe("UUID of the pool's disk on which the copy is."),
  tombstone: z
    .boolean()
    .optional()
    .describe(
      "True: the volume was never published here in this epoch. The state Sealed then means that the copy will never be made.",
    ),
  missing: z
    .boolean()
    .optional()
    .describe("True: the directory was made, but is not on the disk any more. The data is missing."),
  publishedTo: z
    .array(uid)
    .max(1024)
    .optional()
    .describe("UIDs of the pods that have the copy mounted, by the node's mount table."),
  bytes: z.int().min(0).optional().describe("Bytes that the copy uses on the disk."),
  files: z.int().min(0).optional().describe("Number of files and directories in the copy."),
});

export const livePassReport = z
  .strictObject({
    number: z.int().min(1).describe("How many live passes have ended."),
    sent: z.int().min(0).describe("Bytes that the last live pass sent. The final pass will send about as many."),
    read: z
      .int()
      .min(0)
      .optional()
      .describe(
        "Bytes that the last live pass read on the source. Absent: the source's agent is too old to report them.",
      ),
    toRead: z
      .int()
      .min(0)
      .optional()
      .describe(
        "Bytes that the final pass will have to read on the source, even if nothing changes: those of files that a process had open for writing, or that had just changed. Absent: the source's agent is too old to report them.",
      ),
    tookMs: z.int().min(0).describe("Milliseconds that the last live pass took."),
    finalMs: z
      .int()
      .min(0)
      .describe(
        "Milliseconds that the final pass will probably take, estimated from toRead, sent and the speeds so far.",
      ),
  })
  .describe("On the target: the last live pass that has ended.");

export const copyReport = z
  .strictObject({
    moveUID: uid.describe("UID of the VolumeMove."),
    sealing: z.int().min(0).describe("Value of the move's status.sealing that this report answers."),
    copyingAt: time
      .optional()
      .describe(
        "Value of the move's status.copyingAt that a report of live passes answers. Absent in every other report.",
      ),
    role: z
      .enum(["Source", "Target"])
      .describe("Role of this node in the move. Source: the data leaves it. Target: the data goes to it."),
    state: z
      .enum(["Checked", "Waiting", "Refused", "Sealed", "Unsealed", "Copying", "Precopied", "Copied"])
      .describe(
        "On the source: Checked (nothing prevents the copy), Waiting (for the last users of the volume to end), Sealed, or Unsealed (after an undo). On the target: Copying, Precopied (most of the data is there; the pod still writes) or Copied (compared and durable). On both: Refused (see code and message).",
      ),
    code: z.string().max(128).optional().describe("Error code when state is Refused or Waiting."),
    message: z
      .string()
      .max(4096)
      .optional()
      .describe("For Waiting: what the agent waits for. For Refused: the reason."),
    tombstone: z.boolean().optional().describe("True: the volume was never published, so there is nothing to copy."),
    digest: z.string().max(128).optional().describe("Hash over everything in the tree. Equal trees have equal hashes."),
    bytes: z.int().min(0).optional().describe("Total size of the files in the tree, in bytes."),
    files: z.int().min(0).optional().describe("Number of files and directories in the tree."),
    toRead: z.int().min(0).optional().describe("Bytes that this pass still has to read on the source."),
    toSend: z
      .int()
      .min(0)
      .optional()
      .describe("Bytes that the last live pass sent. The final pass will send about as many."),
    livePass: livePassReport.optional(),
    sealMs: z
      .int()
      .min(0)
      .optional()
      .describe(
        "Milliseconds from the last unmount of the volume on this node until the summary of the tree was ready.",
      ),
    rate: z.int().min(0).optional().describe("Current speed of the copy in bytes per second."),
    bootID: uid
      .optional()
      .describe("Boot ID of the kernel when the report was made. Hashes are not valid after a restart of the machine."),
    at: time.describe("Time of the report."),
  })
  .describe(
    "The agent's report on the move that is in progress, or on the last one. It stays when that VolumeMove is deleted: it tells the next move whether the copy that is here can be continued.",
  );

export const volumeCopyStatus = z
  .strictObject({
    copies: z
      .array(copyOfEpoch)
      .max(64)
      .meta(keyedBy("directory"))
      .optional()
      .describe(
        "The copies of this volume on this node in the order of their epochs. There is one for each time the volume came to the node.",
      ),
    purged: z
      .boolean()
      .optional()
      .describe("True: the volume is reclaimed, all its bytes on this node are removed, and no new ones will be made."),
    move: copyReport.optional(),
  })
  .describe("The copies on the node's disk. Only that node's agent writes this.");

export type CopyState = z.infer<typeof copyState>;
export type CopyOfEpoch = z.infer<typeof copyOfEpoch>;
export type LivePassReport = z.infer<typeof livePassReport>;
export type CopyReport = z.infer<typeof copyReport>;

/** The copies of one volume on one node. Only that node's agent writes it. */
export interface VolumeCopy extends KubeObject {
  readonly spec: z.infer<typeof volumeCopySpec>;
  readonly status?: z.infer<typeof volumeCopyStatus>;
}

export const volumeCopies = mooringKind<VolumeCopy>("VolumeCopy", "volumecopies");
