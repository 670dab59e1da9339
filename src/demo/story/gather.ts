import { join } from "node:path";
import { DATA } from "../../agent/copies/copy-file.ts";
import { copyPath, stayDirectory, volumePath, volumesPath } from "../../agent/copies/layout.ts";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { CANARY_ANNOTATION } from "../../api/names.ts";
import { HELPER_PATH, PV_NODE } from "../../classic/names.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import { keyOf, uidOf } from "../../kube/objects.ts";
import type { Facts, PodFacts, RemovedFacts, RunningFacts, VolumeFacts } from "../checks/facts.ts";
import { claimKeysOf, hasSucceeded, isPodReady } from "../cluster/state.ts";
import type { ClusterSnapshot } from "../cluster/view.ts";
import { filesIn, isThere, journalIn } from "./disk.ts";
import { ofUser, unsettled } from "./settled.ts";

/** The base path of volumes in the shipped configuration. */
const VOLUMES_PATH = "/opt/local-path-provisioner";
const POOL = "/var/lib/mooring/default";

type Nodes = Facts["nodes"];

/** All pods and volumes of the user as they are now, in the cluster and on disk. */
export async function gatherRunning(snapshot: ClusterSnapshot, nodes: Nodes): Promise<RunningFacts> {
  const { claims, pods } = ofUser(snapshot);
  const volumes: VolumeFacts[] = [];
  for (const claim of claims.toSorted(byKey)) volumes.push(await volumeFacts(snapshot, claim, nodes));
  const ours: PodFacts[] = [];
  for (const pod of pods.toSorted(byKey)) ours.push(await podFacts(pod, volumes));
  return { unsettled: unsettled(snapshot), pods: ours, volumes };
}

/** One pod, and the journal in its volume. */
export async function podFacts(pod: Pod, volumes: readonly VolumeFacts[]): Promise<PodFacts> {
  const claims = claimKeysOf(pod);
  const volume = volumes.find(({ claim }) => claims.includes(keyOf(claim)));
  return {
    key: keyOf(pod),
    uid: uidOf(pod),
    node: pod.spec?.nodeName ?? "",
    ready: isPodReady(pod),
    claim: volume === undefined ? undefined : keyOf(volume.claim),
    journal: await journalIn(volume?.directory),
  };
}

async function volumeFacts(
  { localVolumes, volumes }: ClusterSnapshot,
  claim: PersistentVolumeClaim,
  nodes: Nodes,
): Promise<VolumeFacts> {
  const volume = volumes.find(({ metadata }) => metadata?.name === claim.spec?.volumeName);
  const movable = localVolumes.find(({ metadata }) => metadata?.name === claim.spec?.volumeName);
  if (movable !== undefined) return movableFacts(claim, volume, movable, nodes);
  const path = volume?.spec?.hostPath?.path ?? volume?.spec?.local?.path;
  if (volume === undefined || path === undefined) {
    return { claim, volume, directory: undefined, foundOn: [], files: [] };
  }
  const foundOn: string[] = [];
  for (const { name, directory } of nodes) if (await isThere(join(directory, path))) foundOn.push(name);
  const home = nodes.find(({ name }) => name === nodeOf(volume) || foundOn.includes(name));
  const directory = home === undefined ? undefined : join(home.directory, path);
  return { claim, volume, directory, foundOn, files: directory === undefined ? [] : await filesIn(directory) };
}

/** The LocalVolume says on which node a movable volume is. Other nodes may have old copies. */
async function movableFacts(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume | undefined,
  { metadata, spec }: LocalVolume,
  nodes: Nodes,
): Promise<VolumeFacts> {
  const { name = "" } = metadata ?? {};
  const foundOn: string[] = [];
  for (const node of nodes) if (await isThere(join(node.directory, volumePath(POOL, name)))) foundOn.push(node.name);
  const home = nodes.find((node) => node.name === spec.nodeName);
  if (home === undefined) return { claim, volume, directory: undefined, foundOn, files: [] };
  const directory = join(home.directory, copyPath(POOL, name, stayDirectory(spec.epoch)), DATA);
  return { claim, volume, directory, foundOn, files: await filesIn(directory) };
}

/** The claims, volumes and directories that still exist. */
export async function gatherRemoved(snapshot: ClusterSnapshot, facts: Facts): Promise<RemovedFacts> {
  const directories: string[] = [];
  for (const { directory, volume } of facts.running?.volumes ?? []) {
    if (directory === undefined || volume?.spec?.persistentVolumeReclaimPolicy === "Retain") continue;
    if (await isThere(directory)) directories.push(directory);
  }
  // Also directories that belong to no volume, because nothing else writes there. Not with the
  // user's own manifests: their StorageClasses may retain data.
  for (const { directory } of facts.builtIn ? facts.nodes : []) {
    const volumes = join(directory, facts.movable === true ? volumesPath(POOL) : VOLUMES_PATH);
    for (const { name } of await filesIn(volumes)) directories.push(join(volumes, name));
  }
  return { ...leftOf(snapshot), directories: [...new Set(directories)] };
}

/** The remaining claims, volumes with policy Delete, and helper pods. Pure. */
export function leftOf(snapshot: ClusterSnapshot): Omit<RemovedFacts, "directories"> {
  const retained = new Set(
    snapshot.volumes
      .filter(({ spec }) => spec?.persistentVolumeReclaimPolicy === "Retain")
      .map(({ metadata }) => metadata?.name),
  );
  return {
    claims: ofUser(snapshot).claims.map((claim) => `claim ${keyOf(claim)}`),
    volumes: [
      ...snapshot.localVolumes
        .map(({ metadata }) => metadata?.name ?? "")
        .filter((name) => !retained.has(name))
        .map((name) => `LocalVolume ${name}`),
      ...snapshot.volumes
        .filter(
          ({ metadata, spec }) =>
            metadata?.annotations?.[CANARY_ANNOTATION] === undefined &&
            spec?.persistentVolumeReclaimPolicy === "Delete",
        )
        .map(({ metadata, status }) => `volume ${metadata?.name ?? ""} (${status?.phase ?? ""})`),
    ],
    helperPods: snapshot.pods
      .filter((pod) => pod.metadata?.annotations?.[HELPER_PATH] !== undefined)
      .map((pod) => `helper pod ${keyOf(pod)}`),
  };
}

/**
 * The pod whose node is drained: the first pod with a volume and a controller, or else the first
 * one with a volume. Pure.
 */
export function podToDrain(snapshot: ClusterSnapshot): Pod | undefined {
  const candidates = ofUser(snapshot)
    .pods.filter((pod) => claimKeysOf(pod).length > 0 && !hasSucceeded(pod) && pod.spec?.nodeName !== undefined)
    .toSorted(byKey);
  return (
    candidates.find(({ metadata }) => metadata?.ownerReferences?.some((o) => o.controller === true)) ?? candidates[0]
  );
}

function nodeOf(volume: PersistentVolume): string | undefined {
  return volume.metadata?.annotations?.[PV_NODE];
}

function byKey(a: Pod | PersistentVolumeClaim, b: Pod | PersistentVolumeClaim): number {
  return keyOf(a) < keyOf(b) ? -1 : 1;
}
