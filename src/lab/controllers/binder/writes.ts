// The binder's writes. Each is an update of the whole object with its resourceVersion, so it fails
// when another client has changed the object. The answer goes into the workers' caches. There are
// no retries here: the next event or resync queues the object again.
import type { PersistentVolume, PersistentVolumeClaim } from "kubernetes-types/core/v1.js";
import { isDeepStrictEqual } from "node:util";
import { BIND_COMPLETED, BOUND_BY_CONTROLLER } from "../../../api/names.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../../kube/kinds.ts";
import { uidOf } from "../../../kube/objects.ts";
import { compareQuantities, parseQuantity } from "../../../kube/quantity.ts";
import { claimReference, isBoundTo } from "../../objects/claims.ts";
import { claimEvent, volumeEvent, type BinderState } from "./state.ts";

type ClaimPhase = "Pending" | "Bound" | "Lost";
type VolumePhase = "Available" | "Bound" | "Released" | "Failed";

export async function updateVolume(state: BinderState, volume: PersistentVolume): Promise<PersistentVolume> {
  const answer = await state.client.replace(persistentVolumes, volume);
  state.volumes.take(answer);
  return answer;
}

export async function updateClaim(state: BinderState, claim: PersistentVolumeClaim): Promise<PersistentVolumeClaim> {
  const answer = await state.client.replace(persistentVolumeClaims, claim);
  state.claims.take(answer);
  return answer;
}

/** Sets a volume's phase, if it is not that already; `event` is emitted only when it was not. */
export async function setVolumePhase(
  state: BinderState,
  volume: PersistentVolume,
  phase: VolumePhase,
  event?: { readonly reason: string; readonly message: string },
): Promise<PersistentVolume> {
  if (volume.status?.phase === phase) return volume;
  const status = { ...volume.status, phase, message: event?.message ?? "" };
  const { message, ...plain } = status;
  const next = { ...volume, status: message === "" ? plain : status };
  const answer = await state.client.replace(persistentVolumes, next, { subresource: "status" });
  state.volumes.take(answer);
  if (event !== undefined) volumeEvent(state, answer, "Warning", event.reason, event.message);
  return answer;
}

/**
 * Sets a claim's phase, and what of its volume its status tells: all modes, but the capacity only
 * when the phase changes.
 */
export async function setClaimStatus(
  state: BinderState,
  claim: PersistentVolumeClaim,
  phase: ClaimPhase,
  volume?: PersistentVolume,
): Promise<PersistentVolumeClaim> {
  const before = claim.status ?? {};
  const { accessModes: _modes, capacity: _capacity, ...bare } = before;
  let status: typeof before = { ...bare, phase };
  if (volume !== undefined) {
    const accessModes = volume.spec?.accessModes;
    const capacity = before.phase === phase ? before.capacity : newCapacity(before.capacity, volume);
    status = {
      ...status,
      ...(accessModes === undefined ? {} : { accessModes }),
      ...(capacity === undefined ? {} : { capacity }),
    };
  }
  if (isDeepStrictEqual(status, before)) return claim;
  const answer = await state.client.replace(persistentVolumeClaims, { ...claim, status }, { subresource: "status" });
  state.claims.take(answer);
  return answer;
}

function newCapacity(
  old: Record<string, string> | undefined,
  volume: PersistentVolume,
): Record<string, string> | undefined {
  const size = volume.spec?.capacity?.["storage"];
  if (size === undefined) {
    throw new Error(`PersistentVolume "${volume.metadata?.name ?? ""}" is without a storage capacity`);
  }
  const had = old?.["storage"];
  if (had !== undefined && compareQuantities(parseQuantity(had), parseQuantity(size)) === 0) return old;
  return volume.spec?.capacity;
}

/** Marks a claim Lost; the event is emitted only when it was not. */
export async function setLost(
  state: BinderState,
  claim: PersistentVolumeClaim,
  reason: string,
  message: string,
): Promise<void> {
  if (claim.status?.phase === "Lost") return;
  const answer = await setClaimStatus(state, claim, "Lost");
  claimEvent(state, answer, "Warning", reason, message);
}

/**
 * Binds both: volume, its phase, claim, its phase, in that order, each only if it is not so
 * already. Stops at the first refusal; the next sync finishes it.
 */
export async function bind(state: BinderState, volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
  let boundVolume = await bindVolume(state, volume, claim);
  boundVolume = await setVolumePhase(state, boundVolume, "Bound");
  const boundClaim = await bindClaim(state, claim, boundVolume);
  await setClaimStatus(state, boundClaim, "Bound", boundVolume);
}

async function bindVolume(
  state: BinderState,
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): Promise<PersistentVolume> {
  const next = boundVolume(volume, claim);
  return next === undefined ? volume : updateVolume(state, next);
}

/**
 * The volume as it is when bound to the claim; undefined when it is already. The scheduler writes
 * the same.
 */
export function boundVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume | undefined {
  const ref = volume.spec?.claimRef;
  const whole =
    ref?.name === claim.metadata?.name && ref?.namespace === claim.metadata?.namespace && ref?.uid === uidOf(claim);
  const annotations = volume.metadata?.annotations;
  // Without the mark the volume was set aside for the claim by whoever made it.
  const mark = !isBoundTo(volume, claim) && annotations?.[BOUND_BY_CONTROLLER] === undefined;
  if (whole && !mark) return undefined;
  return {
    ...volume,
    metadata: {
      ...volume.metadata,
      ...(mark ? { annotations: { ...annotations, [BOUND_BY_CONTROLLER]: "yes" } } : {}),
    },
    spec: { ...volume.spec, ...(whole ? {} : { claimRef: claimReference(claim) }) },
  };
}

async function bindClaim(
  state: BinderState,
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): Promise<PersistentVolumeClaim> {
  const annotations = { ...claim.metadata?.annotations };
  const volumeName = volume.metadata?.name ?? "";
  const bound = claim.spec?.volumeName === volumeName;
  if (bound && annotations[BIND_COMPLETED] !== undefined) return claim;
  if (!bound) annotations[BOUND_BY_CONTROLLER] ??= "yes";
  annotations[BIND_COMPLETED] ??= "yes";
  return updateClaim(state, {
    ...claim,
    metadata: { ...claim.metadata, annotations },
    spec: { ...claim.spec, volumeName },
  });
}

/**
 * Undoes a volume's half of a binding: all of it if the controller made it, else only the UID,
 * which leaves the volume set aside for a claim of that name.
 */
export async function unbind(state: BinderState, volume: PersistentVolume): Promise<void> {
  const { claimRef, ...spec } = volume.spec ?? {};
  const { [BOUND_BY_CONTROLLER]: ours, ...kept } = volume.metadata?.annotations ?? {};
  const { annotations: _all, ...metadata } = volume.metadata ?? {};
  let next: PersistentVolume;
  if (ours !== undefined) {
    next = {
      ...volume,
      metadata: { ...metadata, ...(Object.keys(kept).length === 0 ? {} : { annotations: kept }) },
      spec,
    };
  } else {
    const { uid: _uid, ...ref } = claimRef ?? {};
    next = { ...volume, spec: { ...spec, claimRef: ref } };
  }
  await setVolumePhase(state, await updateVolume(state, next), "Available");
}
