import { setTimeout as pause } from "node:timers/promises";
import type { KubeClient } from "../../src/kube/client.ts";
import { isNotFound } from "../../src/kube/errors.ts";
import { persistentVolumeClaims, persistentVolumes, pods } from "../../src/kube/kinds.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, type Resource } from "../../src/kube/resource.ts";
import { waitFor } from "../cluster/wait.ts";
import { benchVolumes } from "./catch-up.ts";
import { NAMESPACE } from "./objects.ts";

const PATIENCE_MS = 300_000;
/**
 * What the controller manager's watches are behind each other at most: a claim that is gone must be
 * so for it, too, before its volume is.
 */
const WATCH_LAG_MS = 1_000;

/**
 * Takes away all pods, claims and volumes of the bench. The finalizers that protect claims and
 * volumes are taken off here: the controller manager does it at 20 a second. A subject that
 * reclaims its volumes is left to do so.
 */
export async function clean(client: KubeClient, subject: { readonly reclaims: boolean }): Promise<void> {
  await deleteAll(client, pods);
  await deleteAll(client, persistentVolumeClaims);
  await gone("claims", async () => {
    const claims = await client.list(persistentVolumeClaims, { namespace: NAMESPACE });
    await Promise.all(claims.map((claim) => unprotect(client, persistentVolumeClaims, claim)));
    return claims.length;
  });
  await pause(WATCH_LAG_MS);
  await gone("volumes", async () => {
    const volumes = await benchVolumes(client);
    await Promise.all(
      volumes.map(async (volume) => {
        const leaving = volume.metadata?.deletionTimestamp !== undefined;
        if (!leaving && subject.reclaims) return;
        if (!leaving) await deleteOne(client, volume.metadata?.name ?? "");
        await unprotect(client, persistentVolumes, volume);
      }),
    );
    return volumes.length;
  });
}

async function gone(what: string, remove: () => Promise<number>): Promise<void> {
  await waitFor(
    `the ${what} to be gone`,
    async (saw) => {
      const left = await remove();
      saw(`${left} left`);
      return left === 0 ? true : undefined;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 250 },
  );
}

async function deleteAll(client: KubeClient, resource: Resource): Promise<void> {
  await client.kube.request({
    method: "DELETE",
    path: pathOf(resource, { namespace: NAMESPACE }),
    body: { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 },
    timeoutMs: 120_000,
  });
}

async function deleteOne(client: KubeClient, name: string): Promise<void> {
  await client.delete(persistentVolumes, { name }).catch(unlessGone);
}

async function unprotect(client: KubeClient, resource: Resource, object: KubeObject): Promise<void> {
  if ((object.metadata?.finalizers ?? []).length === 0) return;
  const { name = "", namespace } = object.metadata ?? {};
  await client.patchMerge(resource, { name, namespace }, { metadata: { finalizers: null } }).catch(unlessGone);
}

function unlessGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
