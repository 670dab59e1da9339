import type { PersistentVolume, PersistentVolumeClaim } from "kubernetes-types/core/v1.js";
import { PROVISIONED_BY } from "../../../api/names.ts";
import { isNotFound } from "../../../kube/errors.ts";
import { persistentVolumeClaims } from "../../../kube/kinds.ts";
import { uidOf } from "../../../kube/objects.ts";
import { sameVolumeMode } from "../../objects/claims.ts";
import { at } from "../../objects/owners.ts";
import { reclaim } from "./reclaim.ts";
import { claimEvent, claimKeyOf, volumeEvent, type BinderState } from "./state.ts";
import { setVolumePhase, unbind } from "./writes.ts";

/** What the volume worker does with one volume (pv_controller.go, syncVolume). */
export async function syncVolume(state: BinderState, volume: PersistentVolume): Promise<void> {
  // Without a claim, or set aside for one that has not come: the claim worker binds.
  if ((volume.spec?.claimRef?.uid ?? "") === "") {
    await setVolumePhase(state, volume, "Available");
    return;
  }
  const claim = await claimOf(state, volume);
  if (claim === undefined) {
    await release(state, volume);
    return;
  }
  const { volumeName = "" } = claim.spec ?? {};
  const name = volume.metadata?.name ?? "";
  if (volumeName === "") {
    if (sameVolumeMode(claim, volume)) {
      // Speeds up what a provisioner made: the claim worker binds it at once.
      state.enqueueClaim(claimKeyOf(volume));
      return;
    }
    const claimName = claim.metadata?.name ?? "";
    const forVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claimName}" due to incompatible volumeMode.`;
    const forClaim = `Cannot bind PersistentVolume "${name}" to requested PersistentVolumeClaim due to incompatible volumeMode.`;
    volumeEvent(state, volume, "Warning", "VolumeMismatch", forVolume);
    claimEvent(state, claim, "Warning", "VolumeMismatch", forClaim);
  } else if (volumeName === name) {
    await setVolumePhase(state, volume, "Bound");
  } else if (
    volume.metadata?.annotations?.[PROVISIONED_BY] !== undefined &&
    volume.spec?.persistentVolumeReclaimPolicy === "Delete"
  ) {
    // The volume was made for a claim that got another one: it is not needed.
    await release(state, volume);
  } else {
    await unbind(state, volume);
  }
}

/** Marks a volume Released, unless it is or has Failed, and reclaims it. */
async function release(state: BinderState, volume: PersistentVolume): Promise<void> {
  const phase = volume.status?.phase;
  const released =
    phase === "Released" || phase === "Failed" ? volume : await setVolumePhase(state, volume, "Released");
  await reclaim(state, released);
}

/**
 * The claim a volume is bound to. A volume whose claim the worker does not know may be newer than
 * what is cached, so the caches and then the server are asked before the claim counts as gone; and
 * likewise when the cached claim has another UID.
 */
async function claimOf(state: BinderState, volume: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
  const key = claimKeyOf(volume);
  let claim = state.claims.get(key);
  const { phase } = volume.status ?? {};
  if (claim === undefined && phase !== "Released" && phase !== "Failed") {
    claim = state.listed.claims.get(key) ?? (await readClaim(state, key));
  }
  if (claim !== undefined && uidOf(claim) !== volume.spec?.claimRef?.uid) claim = await readClaim(state, key);
  return claim !== undefined && uidOf(claim) === volume.spec?.claimRef?.uid ? claim : undefined;
}

async function readClaim(state: BinderState, key: string): Promise<PersistentVolumeClaim | undefined> {
  try {
    return await state.client.get(persistentVolumeClaims, at(key));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
