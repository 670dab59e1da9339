import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { condition, objectName, time, uid } from "./fields.ts";

export const storageNodeSpec = z
  .strictObject({})
  .optional()
  .describe("Empty: a StorageNode has the name of its node, and its agent writes the status.");

export const poolOnNode = z.strictObject({
  name: objectName.describe("The StoragePool."),
  path: z.string().max(4096),
  uuid: uid.optional().describe("What pool.json on the disk says. Written once; another disk has another UUID."),
  ready: z.boolean(),
  reason: z
    .enum(["Ready", "PathNotReachable", "NotMounted", "WrongDisk", "Unreadable", "Unknown"])
    .describe("Why the pool can or cannot be used on this node."),
  message: z.string().max(1024).optional(),
  capacityBytes: z.int().min(0).optional(),
  availableBytes: z.int().min(0).optional(),
  inodes: z.int().min(0).optional(),
  inodesFree: z.int().min(0).optional(),
});

export const storageNodeStatus = z.strictObject({
  agent: z
    .strictObject({
      address: z.string().max(253).describe("IP address at which other agents reach this one."),
      port: z.int().min(1).max(65_535),
      fingerprints: z
        .array(z.string().max(128))
        .max(4)
        .describe("SHA-256 fingerprints of the agent's certificate; two while it is being replaced."),
      version: z.string().max(128),
    })
    .optional(),
  bootID: uid.optional().describe("The kernel's boot ID: another one after each start of the machine."),
  renewedAt: time.optional().describe("When the agent last said that it is there."),
  pools: z.array(poolOnNode).optional(),
  conditions: z.array(condition).optional(),
});

export type PoolOnNode = z.infer<typeof poolOnNode>;

/** One node as its agent sees it. Made by the agent; the finalizer is the controller's. */
export interface StorageNode extends KubeObject {
  readonly spec?: z.infer<typeof storageNodeSpec>;
  readonly status?: z.infer<typeof storageNodeStatus>;
}

export const storageNodes = mooringKind<StorageNode>("StorageNode", "storagenodes");
