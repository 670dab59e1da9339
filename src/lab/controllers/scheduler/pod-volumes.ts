import type { PersistentVolume, PersistentVolumeClaim, Pod, TopologySelectorTerm } from "kubernetes-types/core/v1.js";
import type { StorageClass } from "kubernetes-types/storage/v1.js";
import { SELECTED_NODE } from "../../../api/names.ts";
import { keyOf } from "../../../kube/objects.ts";
import { matchVolume } from "../binder/match.ts";
import { NO_PROVISIONER } from "../binder/names.ts";
import { volumeFitsLabels } from "../../matching/node-selector.ts";
import { claimClass, isDelayed, isFullyBound, requestedBytes } from "../../objects/claims.ts";
import { claimNameOf } from "../../objects/pods.ts";
import type { AssumeCache } from "./assume-cache.ts";
import type { NodeInfo } from "./node-info.ts";
import { REASONS, UNBOUND_IMMEDIATE } from "./words.ts";

/** The inputs of the volume decisions. */
export interface VolumeView {
  readonly claims: AssumeCache<PersistentVolumeClaim>;
  readonly volumes: AssumeCache<PersistentVolume>;
  readonly classOf: (name: string) => StorageClass | undefined;
  /** What is said of a node that a bound volume does not fit. */
  readonly misfit: typeof REASONS.volumeAffinity | typeof REASONS.volumeAffinityOld;
}

/**
 * The claims of a pod: those that are bound, and those for which the scheduler must find a volume.
 */
export interface PodClaims {
  readonly bound: readonly PersistentVolumeClaim[];
  readonly unbound: readonly PersistentVolumeClaim[];
}

/** What is to be written for a pod on the chosen node. */
export interface VolumePlan {
  readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
  readonly provisions: readonly PersistentVolumeClaim[];
}

/** The claims of a pod, or why the pod can be put on no node at all. */
export function podClaims(view: VolumeView, pod: Pod): PodClaims | string {
  const bound: PersistentVolumeClaim[] = [];
  const unbound: PersistentVolumeClaim[] = [];
  let immediate = false;
  for (const volume of pod.spec?.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name === undefined) continue;
    const key = `${pod.metadata?.namespace ?? ""}/${name}`;
    const shown = view.claims.shown(key);
    if (shown === undefined) {
      return volume.ephemeral === undefined
        ? `persistentvolumeclaim "${name}" not found`
        : `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`;
    }
    if (shown.status?.phase === "Lost") {
      return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${shown.spec?.volumeName ?? ""}"`;
    }
    if (shown.metadata?.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
    const claim = view.claims.get(key) ?? shown;
    if (isFullyBound(claim)) bound.push(claim);
    // A claim that names its volume is kube-controller-manager's to bind, as an Immediate one is.
    else if (isDelayed(claim, view.classOf) && (claim.spec?.volumeName ?? "") === "") unbound.push(claim);
    else immediate = true;
  }
  return immediate ? UNBOUND_IMMEDIATE : { bound, unbound };
}

/** What would have to be written for the pod on this node, or why it cannot be there. */
export function planVolumes(view: VolumeView, claims: PodClaims, node: NodeInfo): VolumePlan | readonly string[] {
  const reasons: string[] = [];
  const missing = claims.bound.some(({ spec }) => view.volumes.get(spec?.volumeName ?? "") === undefined);
  const misfit = claims.bound.some(({ spec }) => {
    const volume = view.volumes.get(spec?.volumeName ?? "");
    return volume !== undefined && !volumeFitsLabels(volume, node.labels);
  });
  if (misfit) reasons.push(view.misfit);
  const plan = planUnbound(view, claims.unbound, node);
  if (plan === undefined) reasons.push(REASONS.noVolume);
  if (missing && !misfit) reasons.push(REASONS.volumeMissing);
  return reasons.length > 0 || plan === undefined ? reasons : plan;
}

function planUnbound(
  view: VolumeView,
  claims: readonly PersistentVolumeClaim[],
  node: NodeInfo,
): VolumePlan | undefined {
  const bindings: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = [];
  const provisions: PersistentVolumeClaim[] = [];
  const toMatch: PersistentVolumeClaim[] = [];
  for (const claim of claims) {
    const selected = claim.metadata?.annotations?.[SELECTED_NODE];
    if (selected === undefined) toMatch.push(claim);
    else if (selected === node.name) provisions.push(claim);
    // A claim with a selected node must stay on it.
    else return undefined;
  }
  const taken = new Set<string>();
  toMatch.sort((a, b) => (requestedBytes(a) < requestedBytes(b) ? -1 : requestedBytes(a) > requestedBytes(b) ? 1 : 0));
  for (const claim of toMatch) {
    const found =
      node.node === undefined ? undefined : matchVolume(claim, view.volumes.list(), { node: node.node, taken });
    if (found === undefined) {
      provisions.push(claim);
      continue;
    }
    taken.add(keyOf(found));
    bindings.push({ claim, volume: found });
  }
  const possible = provisions.every((claim) => {
    const storageClass = view.classOf(claimClass(claim));
    if (storageClass === undefined || storageClass.provisioner === NO_PROVISIONER) return false;
    return allows(storageClass.allowedTopologies, node.labels);
  });
  return possible ? { bindings, provisions } : undefined;
}

function allows(terms: readonly TopologySelectorTerm[] | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (terms === undefined || terms.length === 0) return true;
  return terms.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? "\0")),
  );
}
