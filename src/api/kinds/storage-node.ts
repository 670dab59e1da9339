import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { conditions, keyedBy, objectName, time, uid } from "./fields.ts";

export const storageNodeSpec = z
  .strictObject({})
  .optional()
  .describe("Empty: a StorageNode has the name of its node, and its agent writes the status.");

export const poolOnNode = z.strictObject({
  name: objectName.describe("The StoragePool."),
  path: z.string().max(4096).describe("The pool's directory."),
  uuid: uid.optional().describe("What pool.json on the disk says. Written once; another disk has another UUID."),
  ready: z.boolean().describe("Whether volumes can be made, published and copied here now."),
  reason: z
    .enum(["Ready", "PathNotReachable", "NotMounted", "WrongDisk", "Unreadable", "Unknown"])
    .describe("Why the pool can or cannot be used on this node."),
  message: z.string().max(1024).optional().describe("The same in a sentence for people."),
  capacityBytes: z.int().min(0).optional().describe("Size of the pool's file system."),
  availableBytes: z.int().min(0).optional().describe("Free bytes of the pool's file system."),
  inodes: z.int().min(0).optional().describe("Inodes of the pool's file system; 0 where it has no fixed number."),
  inodesFree: z.int().min(0).optional().describe("Free inodes of the pool's file system."),
});

export const storageNodeStatus = z
  .strictObject({
    agent: z
      .strictObject({
        address: z.string().max(253).describe("IP address at which other agents reach this one."),
        port: z.int().min(1).max(65_535).describe("TCP port at which other agents reach this one."),
        fingerprints: z
          .array(z.string().max(128))
          .max(4)
          .describe("SHA-256 fingerprints of the agent's certificate; two while it is being replaced."),
        version: z.string().max(128).describe("Version of the agent's program."),
      })
      .optional()
      .describe("How other agents reach this one, and how they recognize it."),
    bootID: uid.optional().describe("The kernel's boot ID: another one after each start of the machine."),
    renewedAt: time.optional().describe("When the agent last said that it is there."),
    readyPools: z
      .string()
      .max(64)
      .optional()
      .describe("For people: how many of the node's pools are ready, as in 1/2."),
    pools: z
      .array(poolOnNode)
      .max(64)
      .meta(keyedBy("name"))
      .optional()
      .describe("The pools that this node takes part in."),
    conditions: conditions.optional(),
  })
  .describe("What the node's agent says of its disks and of itself.");

export type PoolOnNode = z.infer<typeof poolOnNode>;

/** One node as its agent sees it. Made by the agent; the finalizer is the controller's. */
export interface StorageNode extends KubeObject {
  readonly spec?: z.infer<typeof storageNodeSpec>;
  readonly status?: z.infer<typeof storageNodeStatus>;
}

export const storageNodes = mooringKind<StorageNode>("StorageNode", "storagenodes");
