import type { PersistentVolume, PersistentVolumeClaim } from "kubernetes-types/core/v1.js";
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, SELECTED_NODE } from "../../../api/names.ts";
import { keyOf, uidOf } from "../../../kube/objects.ts";
import { claimClass, isBoundTo, isDelayed } from "../../objects/claims.ts";
import { isTerminal } from "../../objects/pods.ts";
import { bestMatch, mismatch } from "./match.ts";
import { assignDefaultClass, provision } from "./provision.ts";
import { claimEvent, claimKeyOf, type BinderState } from "./state.ts";
import { bind, setClaimStatus, setLost } from "./writes.ts";

/** What the claim worker does with one claim (pv_controller.go, syncClaim). */
export async function syncClaim(state: BinderState, claim: PersistentVolumeClaim): Promise<void> {
  if (claim.metadata?.annotations?.[BIND_COMPLETED] === undefined) await syncUnbound(state, claim);
  else await syncBound(state, claim);
}

async function syncUnbound(state: BinderState, claim: PersistentVolumeClaim): Promise<void> {
  const { volumeName = "" } = claim.spec ?? {};
  if (volumeName === "") {
    await findVolume(state, claim);
    return;
  }
  const volume = state.volumes.get(volumeName);
  if (volume === undefined) {
    await setClaimStatus(state, claim, "Pending");
  } else if (volume.spec?.claimRef === undefined) {
    const why = mismatch(volume, claim);
    if (why === undefined) {
      await bind(state, volume, claim);
      return;
    }
    claimEvent(state, claim, "Warning", "VolumeMismatch", `Cannot bind to requested volume "${volumeName}": ${why}`);
    await setClaimStatus(state, claim, "Pending");
  } else if (isBoundTo(volume, claim)) {
    await bind(state, volume, claim);
  } else {
    await takenByAnother(state, claim, volume);
  }
}

async function findVolume(state: BinderState, claim: PersistentVolumeClaim): Promise<void> {
  const delayed = isDelayed(claim, (name) => state.listed.classes.get(name));
  const volume = bestMatch(claim, state.volumes.list(), delayed);
  if (volume !== undefined) {
    await bind(state, volume, claim);
    return;
  }
  if (await assignDefaultClass(state, claim)) return;
  if (delayed && claim.metadata?.annotations?.[SELECTED_NODE] === undefined) {
    tellWaiting(state, claim);
  } else if (claimClass(claim) !== "") {
    provision(state, claim);
    return;
  } else {
    const message = "no persistent volumes available for this claim and no storage class is set";
    claimEvent(state, claim, "Normal", "FailedBinding", message);
  }
  await setClaimStatus(state, claim, "Pending");
}

function tellWaiting(state: BinderState, claim: PersistentVolumeClaim): void {
  const waiting = state.listed
    .podsByClaim(keyOf(claim))
    .filter((pod) => !isTerminal(pod) && (pod.spec?.nodeName ?? "") === "")
    .map((pod) => pod.metadata?.name ?? "");
  if (waiting.length === 0) {
    const message = "waiting for first consumer to be created before binding";
    claimEvent(state, claim, "Normal", "WaitForFirstConsumer", message);
    return;
  }
  const pods = waiting.length > 1 ? `pods ${waiting.join(",")}` : `pod ${waiting.join("")}`;
  claimEvent(state, claim, "Normal", "WaitForPodScheduled", `waiting for ${pods} to be scheduled`);
}

async function takenByAnother(
  state: BinderState,
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): Promise<void> {
  const volumeName = volume.metadata?.name ?? "";
  const message = `volume "${volumeName}" already bound to a different claim.`;
  claimEvent(state, claim, "Warning", "FailedBinding", message);
  if (claim.metadata?.annotations?.[BOUND_BY_CONTROLLER] !== undefined) {
    throw new Error(
      `invalid binding of claim "${keyOf(claim)}" to volume "${volumeName}": volume already claimed by "${claimKeyOf(volume)}"`,
    );
  }
  await setClaimStatus(state, claim, "Pending");
}

async function syncBound(state: BinderState, claim: PersistentVolumeClaim): Promise<void> {
  const { volumeName = "" } = claim.spec ?? {};
  if (volumeName === "") {
    const message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
    await setLost(state, claim, "ClaimLost", message);
    return;
  }
  // The worker's own copy, not the informer's: a volume that the volume worker has not reached is
  // not there.
  const volume = state.volumes.get(volumeName);
  if (volume === undefined) {
    const message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
    await setLost(state, claim, "ClaimLost", message);
  } else if (volume.spec?.claimRef === undefined || volume.spec.claimRef.uid === uidOf(claim)) {
    await bind(state, volume, claim);
  } else {
    const message = "Two claims are bound to the same volume, this one is bound incorrectly";
    await setLost(state, claim, "ClaimMisbound", message);
  }
}
