import { z } from "zod";
import type { KubeObject } from "../../kube/objects.ts";
import { mooringKind } from "../group.ts";
import { conditions, quantity } from "./fields.ts";

export const storagePoolSpec = z
  .strictObject({
    nodeSelector: z
      .record(z.string(), z.string())
      .optional()
      .describe("Labels that a node must have to belong to the pool. If absent, every node belongs to it."),
    path: z
      .string()
      .regex(/^(\/[^/]+)+$/)
      .max(4096)
      .describe(
        "The pool's directory on each node. It must lie below a directory that the agent mounts (by default /var/lib/mooring), and cannot be that directory itself.",
      ),
    backend: z
      .enum(["Directory"])
      .default("Directory")
      .describe("How volumes are made. Directory: each volume is a directory."),
    reserve: quantity
      .default("0")
      .describe("Bytes of the pool's file system that are reserved: volumes never get them. Such as 5Gi."),
  })
  .describe("The nodes of the pool, and its directory on them. An administrator writes this.");

export const storagePoolStatus = z
  .strictObject({
    nodes: z.int().min(0).optional().describe("Number of nodes in the pool."),
    readyNodes: z.int().min(0).optional().describe("Number of nodes on which the pool can be used now."),
    conditions: conditions.optional(),
  })
  .describe("How many nodes the pool has. Only the controller writes this.");

/** A directory with the same path on every node of a set. An administrator writes the object. */
export interface StoragePool extends KubeObject {
  readonly spec: z.infer<typeof storagePoolSpec>;
  readonly status?: z.infer<typeof storagePoolStatus>;
}

export const storagePools = mooringKind<StoragePool>("StoragePool", "storagepools");
