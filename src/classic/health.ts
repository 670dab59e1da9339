import type { KubeClient } from "../kube/client.ts";
import { configMaps, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Resource } from "../kube/resource.ts";
import { messageOf } from "../observe/errors.ts";
import type { Log } from "../observe/log.ts";

/** What an HTTP server answers; for HEAD it leaves the body out. */
export interface HealthAnswer {
  readonly status: number;
  readonly body: string;
}

const ALIVE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** `/health`: the process answers, no more. */
export function handleHealth(method: string): HealthAnswer {
  // Go's http.Error ends its text with a line break, and so does every answer made by it.
  if (!ALIVE_METHODS.has(method)) return { status: 405, body: "Method not allowed\n" };
  return { status: 200, body: "OK" };
}

const CHECKS: readonly (readonly [string, Resource, "own" | "all"])[] = [
  ["configmaps", configMaps as Resource, "own"],
  ["pods", pods as Resource, "own"],
  ["persistentvolumeclaims", persistentVolumeClaims as Resource, "own"],
  ["persistentvolumes", persistentVolumes as Resource, "all"],
  ["storageclasses", storageClasses as Resource, "all"],
];

/** A probe gives up after a few seconds, so its checks have to as well. */
const CHECK_TIMEOUT_MS = 4000;

/**
 * `/ready`, with any method: whether each kind of object that the program depends on can be listed,
 * in the original's order; the first failure is the answer.
 */
export async function handleReady(client: KubeClient, namespace: string, log: Log): Promise<HealthAnswer> {
  for (const [name, resource, where] of CHECKS) {
    try {
      // Only the first page: its one object says that the rest could be read, too.
      const at = { namespace: where === "own" ? namespace : undefined, limit: 1, timeoutMs: CHECK_TIMEOUT_MS };
      await client.pages<KubeObject>(resource, at).next();
    } catch (error) {
      const body = `readiness check ${name} failed: ${messageOf(error)}`;
      log.warn(`Readiness check failed: ${body}`, { check: name, err: error });
      return { status: 503, body: `${body}\n` };
    }
  }
  return { status: 200, body: "Ready" };
}
