import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { conditions, quantity } from "./fields.ts";

export const storagePoolSpec = z
  .strictObject({
    nodeSelector: z
      .record(z.string(), z.string())
      .optional()
      .describe("Labels that a node must have to take part in the pool. Without it every node takes part."),
    path: z
      .string()
      .regex(/^(\/[^/]+)+$/)
      .max(4096)
      .describe(
        "The pool's directory on each node, strictly below a directory that the agent mounts (by default /var/lib/mooring).",
      ),
    backend: z
      .enum(["Directory"])
      .default("Directory")
      .describe("How volumes are made. Directory: one directory each."),
    reserve: quantity.default("0").describe("Bytes of the pool's file system that volumes never get, such as 5Gi."),
  })
  .describe("Where on its nodes a pool keeps volumes. Written by an administrator.");

export const storagePoolStatus = z
  .strictObject({
    nodes: z.int().min(0).optional().describe("Nodes that take part."),
    readyNodes: z.int().min(0).optional().describe("Nodes on which the pool can be used now."),
    conditions: conditions.optional(),
  })
  .describe("How many nodes have the pool. Written by the controller only.");

/** A directory that the same path names on every node of a set. Written by an administrator. */
export interface StoragePool extends KubeObject {
  readonly spec: z.infer<typeof storagePoolSpec>;
  readonly status?: z.infer<typeof storagePoolStatus>;
}

export const storagePools = mooringKind<StoragePool>("StoragePool", "storagepools");
