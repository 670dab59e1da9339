import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { conditions, keyedBy, objectName, time, uid } from "./fields.ts";

export const storageNodeSpec = z
  .strictObject({})
  .optional()
  .describe("Always empty: the name of a StorageNode is that of its node, and everything else is in the status.");

export const poolOnNode = z.strictObject({
  name: objectName.describe("Name of the StoragePool."),
  path: z.string().max(4096).describe("The pool's directory."),
  uuid: uid
    .optional()
    .describe("UUID from the file pool.json on the disk. It is written once, so another disk has another UUID."),
  ready: z.boolean().describe("Whether volumes of this pool can be made, published and copied on this node now."),
  reason: z
    .enum(["Ready", "PathNotReachable", "NotMounted", "WrongDisk", "Unreadable", "Unknown"])
    .describe("Reason why the pool can or cannot be used on this node."),
  message: z.string().max(1024).optional().describe("The reason as a sentence, for people."),
  capacityBytes: z.int().min(0).optional().describe("Size of the pool's file system."),
  availableBytes: z.int().min(0).optional().describe("Free bytes of the pool's file system."),
  inodes: z
    .int()
    .min(0)
    .optional()
    .describe("Inodes of the pool's file system. 0: the file system has no fixed number of them."),
  inodesFree: z.int().min(0).optional().describe("Free inodes of the pool's file system."),
});

export const storageNodeStatus = z
  .strictObject({
    agent: z
      .strictObject({
        address: z.string().max(253).describe("IP address of the agent, for other agents."),
        port: z.int().min(1).max(65_535).describe("TCP port of the agent, for other agents."),
        fingerprints: z
          .array(z.string().max(128))
          .max(4)
          .describe(
            "SHA-256 fingerprints of the agent's certificate. There are two while the certificate is being replaced.",
          ),
        version: z.string().max(128).describe("Version of the agent."),
      })
      .optional()
      .describe("Address of the agent, and the fingerprints by which other agents recognize it."),
    bootID: uid.optional().describe("Boot ID of the kernel. It changes with each start of the machine."),
    renewedAt: time.optional().describe("Time of the agent's last heartbeat."),
    readyPools: z
      .string()
      .max(64)
      .optional()
      .describe("Number of ready pools of the node out of all its pools, such as 1/2. For people."),
    pools: z.array(poolOnNode).max(64).meta(keyedBy("name")).optional().describe("The pools that have this node."),
    conditions: conditions.optional(),
  })
  .describe("The node's disks and its agent. Only that agent writes this.");

export type PoolOnNode = z.infer<typeof poolOnNode>;

/** One node, as its agent sees it. The agent makes it; the controller sets the finalizer. */
export interface StorageNode extends KubeObject {
  readonly spec?: z.infer<typeof storageNodeSpec>;
  readonly status?: z.infer<typeof storageNodeStatus>;
}

export const storageNodes = mooringKind<StorageNode>("StorageNode", "storagenodes");
