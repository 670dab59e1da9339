import type { LocalVolume, LocalVolumeSpec } from "../../api/kinds/local-volume.ts";
import type { MoveSnapshot } from "./snapshot.ts";
import type { MoveStep } from "./step.ts";
import type { Stored } from "./stored.ts";

type Volume = Stored<LocalVolume>;
type VolumeStep = Extract<MoveStep, { readonly step: "change-volume" }>;

/** Takes the volume for this move. The write fails when another move was faster. */
export function take(s: MoveSnapshot, volume: Volume): VolumeStep {
  const { name, uid } = s.move.metadata;
  return { step: "change-volume", change: "take", volume, spec: { ...volume.spec, activeMove: { name, uid } } };
}

export function fence(s: MoveSnapshot, volume: Volume): VolumeStep {
  return { step: "change-volume", change: "fence", volume, spec: { ...volume.spec, fence: s.move.metadata.uid } };
}

export function unfence(volume: Volume): VolumeStep {
  const { fence: _fence, ...spec } = volume.spec;
  return { step: "change-volume", change: "unfence", volume, spec };
}

/**
 * Releases the volume. One write removes fence and activeMove of this move, so that neither remains
 * without the other.
 */
export function release(s: MoveSnapshot, volume: Volume): VolumeStep {
  return { step: "change-volume", change: "release", volume, spec: without(volume.spec, s.move.metadata.uid) };
}

/** The spec without fence and activeMove of the move with this UID. */
export function without(spec: LocalVolumeSpec, uid: string): LocalVolumeSpec {
  const { fence, activeMove, ...rest } = spec;
  return {
    ...rest,
    ...(fence === undefined || fence === uid ? {} : { fence }),
    ...(activeMove === undefined || activeMove.uid === uid ? {} : { activeMove }),
  };
}

/**
 * Makes the target's copy the volume. A volume that was never published gets the right to be made
 * on the target. Any other volume loses that right.
 */
export function place(volume: Volume, nodeName: string, tombstone: boolean): VolumeStep {
  const { fence: _fence, mayCreate: _mayCreate, ...rest } = volume.spec;
  const epoch = volume.spec.epoch + 1;
  const spec = { ...rest, nodeName, epoch, ...(tombstone ? { mayCreate: { nodeName, epoch } } : {}) };
  return { step: "change-volume", change: "place", volume, spec };
}
