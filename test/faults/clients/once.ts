/*
 * Clients that evict one pod and leave it at that, on nodes that stay:
 *
 * - the descheduler (kubernetes-sigs/descheduler, pkg/descheduler/evictions/evictions.go) evicts by
 *   name. 429 and 404 are errors that it logs; the pod is looked at again in its next round,
 *   minutes later. Of a pod that is annotated `request-evict-only`, a 429 with the words "Eviction
 *   triggered evacuation" counts as an eviction that goes on by itself, and is not asked for again
 *   for 10 minutes at least;
 * - VPA's updater (kubernetes/autoscaler, vertical-pod-autoscaler/pkg/updater/restriction) evicts
 *   by name. Any error is logged; the pod is looked at again in its next round, a minute later.
 */
import { KubeError } from "../../../src/kube/errors.ts";
import type { MovesWorld } from "../moves/run.ts";

export type Outcome = "evicted" | "in background" | "not found" | "failed";

export async function deschedule({ client }: MovesWorld, name: string): Promise<Outcome> {
  try {
    await client.evict({ name, namespace: "default" });
    return "evicted";
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (error.code === 429) return error.message.includes("Eviction triggered evacuation") ? "in background" : "failed";
    return error.code === 404 ? "not found" : "failed";
  }
}

export async function updateByVpa(world: MovesWorld, name: string): Promise<"evicted" | "failed"> {
  return (await deschedule(world, name)) === "evicted" ? "evicted" : "failed";
}
