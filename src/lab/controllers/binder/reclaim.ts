import type { PersistentVolume } from "kubernetes-types/core/v1.js";
import { PROVISIONED_BY } from "../../../api/names.ts";
import { persistentVolumes } from "../../../kube/kinds.ts";
import { uidOf } from "../../../kube/objects.ts";
import { MIGRATED_TO } from "./names.ts";
import { claimKeyOf, volumeEvent, type BinderState } from "./state.ts";
import { setVolumePhase } from "./writes.ts";

/** Does what a released volume's reclaim policy says. */
export async function reclaim(state: BinderState, volume: PersistentVolume): Promise<void> {
  if ((volume.metadata?.annotations?.[MIGRATED_TO] ?? "") !== "") return;
  const policy = volume.spec?.persistentVolumeReclaimPolicy ?? "Retain";
  const name = `${volume.metadata?.name ?? ""}[${uidOf(volume)}]`;
  switch (policy) {
    case "Retain":
      return;
    case "Delete":
      state.operations.start(`delete-${name}`, () => deleteVolume(state, volume));
      return;
    case "Recycle":
      state.operations.start(`recycle-${name}`, async () => {
        const message = "No recycler plugin found for the volume!";
        await setVolumePhase(state, volume, "Failed", { reason: "VolumeFailedRecycle", message });
      });
      return;
    default:
      await setVolumePhase(state, volume, "Failed", {
        reason: "VolumeUnknownReclaimPolicy",
        message: "Volume has unrecognized PersistentVolumeReclaimPolicy",
      });
  }
}

async function deleteVolume(state: BinderState, volume: PersistentVolume): Promise<void> {
  const name = volume.metadata?.name ?? "";
  let now: PersistentVolume;
  try {
    now = await state.client.get(persistentVolumes, { name });
  } catch {
    return;
  }
  if (!isReleased(state, now)) return;
  const deleter = deleterOf(volume);
  if (deleter === "external") return;
  if (deleter !== "own") {
    // Written on the version that the sync saw, as it was before this began.
    await setVolumePhase(state, volume, "Failed", { reason: "VolumeFailedDelete", message: deleter.failure });
    throw new Error(deleter.failure);
  }
  try {
    await state.client.delete(persistentVolumes, { name });
  } catch (error) {
    volumeEvent(state, volume, "Normal", "VolumeDelete", error instanceof Error ? error.message : String(error));
  }
}

/** Whether the claim a volume was bound to is gone, or has another volume. */
function isReleased(state: BinderState, volume: PersistentVolume): boolean {
  const uid = volume.spec?.claimRef?.uid ?? "";
  if (uid === "") return false;
  const claim = state.claims.get(claimKeyOf(volume));
  if (claim === undefined || uidOf(claim) !== uid) return true;
  const { volumeName = "" } = claim.spec ?? {};
  return volumeName !== "" && volumeName !== volume.metadata?.name;
}

/**
 * Who deletes a volume: an external provisioner, or kube-controller-manager itself, which can
 * delete only host paths under /tmp.
 */
function deleterOf(volume: PersistentVolume): "external" | "own" | { readonly failure: string } {
  const provisioner = volume.metadata?.annotations?.[PROVISIONED_BY] ?? "";
  if (provisioner !== "") {
    return provisioner.startsWith("kubernetes.io/")
      ? { failure: `no volume plugin matched name: ${provisioner}` }
      : "external";
  }
  if (volume.spec?.csi !== undefined) return "external";
  const path = volume.spec?.hostPath?.path;
  if (path === undefined) {
    const name = volume.metadata?.name ?? "";
    return { failure: `error getting deleter volume plugin for volume "${name}": no volume plugin matched` };
  }
  if (/\/tmp\/.+/.test(path)) return "own";
  return { failure: `host_path deleter only supports /tmp/.+ but received provided ${path}` };
}
