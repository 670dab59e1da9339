import type { Node, PersistentVolume, PersistentVolumeClaim } from "kubernetes-types/core/v1.js";
import { matchesLabels } from "../../matching/label-selector.ts";
import { volumeFitsLabels } from "../../matching/node-selector.ts";
import {
  capacityBytes,
  claimClass,
  hasAccessModes,
  isBoundTo,
  requestedBytes,
  sameVolumeMode,
  volumeClass,
} from "../../objects/claims.ts";

export interface MatchOptions {
  /** The scheduler's question: a volume for this node. Unset: the binder's. */
  readonly node?: Node;
  /** Names of volumes that are already taken. */
  readonly taken?: ReadonlySet<string>;
  /**
   * For a WaitForFirstConsumer claim in the binder: only a volume that is reserved for the claim
   * matches.
   */
  readonly delayed?: boolean;
}

/**
 * The volume for a claim: the one that is reserved for it, else the smallest Available one that
 * fits (the first of equal ones). kube-controller-manager and kube-scheduler share these rules
 * (component-helpers, storage/volume/pv_helpers.go).
 */
export function matchVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  options: MatchOptions = {},
): PersistentVolume | undefined {
  const { node, taken, delayed = false } = options;
  const wanted = requestedBytes(claim);
  let best: { readonly volume: PersistentVolume; readonly size: bigint } | undefined;
  for (const volume of volumes) {
    if (taken?.has(volume.metadata?.name ?? "") === true) continue;
    const own = isBoundTo(volume, claim);
    if (volume.spec?.claimRef !== undefined && !own) continue;
    const size = capacityBytes(volume);
    if (size < wanted || !sameVolumeMode(claim, volume) || volume.metadata?.deletionTimestamp !== undefined) continue;
    const fitsNode = node === undefined || volumeFitsLabels(volume, node.metadata?.labels);
    // A reserved volume is the only choice: if it does not fit this node, nothing does.
    if (own) return fitsNode ? volume : undefined;
    if (node === undefined && delayed) continue;
    if (volume.status?.phase !== "Available") continue;
    const selector = claim.spec?.selector;
    if (selector !== undefined && !matchesLabels(selector, volume.metadata?.labels)) continue;
    if (volumeClass(volume) !== claimClass(claim) || !fitsNode) continue;
    if (node !== undefined && !hasAccessModes(volume, claim)) continue;
    if (best === undefined || size < best.size) best = { volume, size };
  }
  return best?.volume;
}

/**
 * The binder's search: volumes with exactly as many access modes as were asked for come before
 * those with more.
 */
export function bestMatch(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  delayed: boolean,
): PersistentVolume | undefined {
  const fitting = volumes.filter((volume) => hasAccessModes(volume, claim));
  const byModes = new Map<string, PersistentVolume[]>();
  for (const volume of fitting) {
    const modes = (volume.spec?.accessModes ?? []).toSorted().join();
    const group = byModes.get(modes);
    if (group === undefined) byModes.set(modes, [volume]);
    else group.push(volume);
  }
  const groups = [...byModes.values()].sort((a, b) => modeCount(a) - modeCount(b));
  for (const group of groups) {
    const found = matchVolume(claim, group, { delayed });
    if (found !== undefined) return found;
  }
  return undefined;
}

function modeCount(group: readonly PersistentVolume[]): number {
  return group[0]?.spec?.accessModes?.length ?? 0;
}

/** Why a volume that a claim names cannot be its volume, in kube-controller-manager's words. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata?.deletionTimestamp !== undefined) {
    return `the volume is marked for deletion "${volume.metadata.name ?? ""}"`;
  }
  if (capacityBytes(volume) < requestedBytes(claim)) return "requested PV is too small";
  if (volumeClass(volume) !== claimClass(claim)) return "storageClassName does not match";
  if (!sameVolumeMode(claim, volume)) return "incompatible volumeMode";
  if (!hasAccessModes(volume, claim)) return "incompatible accessMode";
  return undefined;
}
