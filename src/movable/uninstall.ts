/*
 * The end of an installation: `kubectl delete -f` of the manifest with the controller in it.
 *
 * Finalizers of ours would keep keepers, and later the kinds themselves, for ever once nobody runs
 * who takes them off. So a controller that is told to stop looks whether its Deployment or its
 * namespace is being deleted, and if so lets everything go. Data on disks stays; a new installation
 * puts the finalizers back and goes on with the same volumes.
 *
 * Agents run for a while beside this and may put a finalizer back: the rounds go on until a look
 * finds nothing left, or the time is up.
 */
import { localVolumes } from "../api/kinds/local-volume.ts";
import { storageNodes } from "../api/kinds/storage-node.ts";
import { volumeCopies } from "../api/kinds/volume-copy.ts";
import { volumeMoves } from "../api/kinds/volume-move.ts";
import { DRIVER, DRIVER_FINALIZER, KEEPER_LABEL, SCOUT_LABEL } from "../api/names.ts";
import type { Clock } from "../effects/clock.ts";
import type { KubeClient } from "../kube/client.ts";
import { isConflict, isNotFound } from "../kube/errors.ts";
import { persistentVolumeClaims, pods } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/objects.ts";
import { defineResource, type Resource } from "../kube/resource.ts";
import type { Log } from "../observe/log.ts";

export interface UninstallDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Installation {
  readonly namespace: string;
  readonly deployment: string;
}

const deployments = defineResource<KubeObject>({
  group: "apps",
  version: "v1",
  plural: "deployments",
  kind: "Deployment",
  namespaced: true,
});
const namespaces = defineResource<KubeObject>({
  group: "",
  version: "v1",
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
});
const csiDrivers = defineResource<KubeObject>({
  group: "storage.k8s.io",
  version: "v1",
  plural: "csidrivers",
  kind: "CSIDriver",
  namespaced: false,
});
const KINDS: readonly Resource[] = [volumeMoves, localVolumes, volumeCopies, storageNodes];
const ROUND_MS = 1000;
/** How long agents may take to end. The agent's pod on a dead node never goes. */
const AGENTS_MS = 15_000;

/**
 * Makes the deletion of the CSIDriver wait for `removeOurFinalizers`. Nothing to do where it does
 * already.
 */
export async function holdDriver(client: KubeClient, signal: AbortSignal): Promise<void> {
  for (;;) {
    const found = await client.find(csiDrivers, { name: DRIVER }, { signal });
    if (found === undefined) return;
    const { deletionTimestamp, finalizers = [], resourceVersion, uid } = found.metadata;
    if (deletionTimestamp !== undefined || finalizers.includes(DRIVER_FINALIZER)) return;
    const metadata = { uid, resourceVersion, finalizers: [...finalizers, DRIVER_FINALIZER] };
    try {
      await client.patchMerge(csiDrivers, { name: DRIVER }, { metadata }, { signal });
      return;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}

/**
 * Whether the installation is being deleted. Rejects when the server cannot be asked: then nothing
 * is let go.
 */
export async function isBeingUninstalled(
  client: KubeClient,
  { namespace, deployment }: Installation,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await Promise.all([
    client.find(namespaces, { name: namespace }, { signal }),
    client.find(deployments, { name: deployment, namespace }, { signal }),
  ]);
  return found.some((object) => object === undefined || object.metadata.deletionTimestamp !== undefined);
}

/**
 * Removes our finalizers from all objects, and deletes keepers and scouts. Resolves when nothing
 * remains, rejects when the signal is aborted. The CSIDriver is the last.
 */
export async function removeOurFinalizers(deps: UninstallDeps, namespace: string, signal: AbortSignal): Promise<void> {
  const { client, clock, log } = deps;
  log.info("the installation is being removed: letting go of keepers and finalizers");
  const begun = clock.monotonic();
  for (const kind of [pods, persistentVolumeClaims] as const) {
    // Scouts have no finalizer of ours. What is in use goes when its pod has gone.
    for (const { metadata } of await client.list<KubeObject>(kind, { namespace, labelSelector: SCOUT_LABEL, signal })) {
      await quietly(client.delete(kind, { name: metadata.name, namespace }, { uid: metadata.uid, signal }));
    }
  }
  while (!signal.aborted) {
    const keepers = await client.list(pods, { namespace, labelSelector: `${KEEPER_LABEL}=true`, signal });
    for (const { metadata } of keepers) {
      await quietly(client.delete(pods, { name: metadata.name, namespace }, { uid: metadata.uid, signal }));
      await letGo(client, pods, metadata, signal);
    }
    let held = keepers.length;
    for (const kind of KINDS) {
      for (const { metadata } of await client.list(kind, { signal })) {
        if ((metadata.finalizers ?? []).length === 0) continue;
        held += 1;
        await letGo(client, kind, metadata, signal);
      }
    }
    const agents = await client.list(pods, { namespace, labelSelector: "app.kubernetes.io/component=agent", signal });
    const isLate = clock.monotonic() - begun >= AGENTS_MS;
    if (held === 0 && (agents.length === 0 || isLate)) break;
    await clock.sleep(ROUND_MS, signal).catch(() => undefined);
  }
  await letGo(client, csiDrivers, { name: DRIVER }, signal);
}

async function letGo(
  client: KubeClient,
  kind: Resource,
  { name, namespace }: { readonly name: string; readonly namespace?: string },
  signal: AbortSignal,
): Promise<void> {
  await quietly(client.patchMerge(kind, { name, namespace }, { metadata: { finalizers: null } }, { signal }));
}

/** Gone already is what was wanted. */
async function quietly(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
