import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { CopyOfEpoch, CopyReport, VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { Stored } from "./stored.ts";
import type { CodedError } from "../../observe/errors.ts";
import { moveErrors } from "../errors.ts";
import type { MoveSnapshot, Part, PodView, VolumeView } from "./snapshot.ts";
import type { MoveStep } from "./step.ts";

/** The step that reads `parts` from the API server; undefined when all of them are fresh. */
export function readFirst(s: MoveSnapshot, parts: readonly Part[]): MoveStep | undefined {
  return parts.every((part) => s.fresh.has(part)) ? undefined : { step: "read", parts };
}

/**
 * The report of one role for this move, with any sealing. Undefined: the VolumeCopy has no report,
 * or the report of another move.
 */
export function reportOf(s: MoveSnapshot, copy: VolumeCopy | undefined, role: CopyReport["role"]) {
  const report = copy?.status?.move;
  return report?.moveUID === s.move.metadata.uid && report.role === role ? report : undefined;
}

/** The report of one role for this move and its current sealing. */
export function currentReport(s: MoveSnapshot, copy: VolumeCopy | undefined, role: CopyReport["role"]) {
  const report = reportOf(s, copy, role);
  return report?.sealing === (s.move.status?.sealing ?? 0) ? report : undefined;
}

/** The final refusal of the source's agent, for this sealing. */
export function refusalOf(s: MoveSnapshot): CodedError | undefined {
  for (const { name, sourceCopy } of s.volumes) {
    const report = currentReport(s, sourceCopy, "Source");
    if (report?.state === "Refused") {
      return moveErrors.AGENT_REFUSED({ volume: name, node: s.source.name, why: wordsOf(report) });
    }
  }
  return undefined;
}

/** The code and the message of a report, if it has them. */
export function wordsOf({ code, message }: CopyReport): string {
  return [code, message].filter((part) => part !== undefined).join(": ");
}

/** The record that the move made of a volume when it took the volume. */
export function recordedOf(s: MoveSnapshot, name: string) {
  return s.move.status?.volumes?.find((recorded) => recorded.name === name);
}

/**
 * The copy of an epoch, under its final name. A target's copy has the move's UID in its name until
 * it is the volume. A crash of its agent may leave it Active under that name. Such a copy counts
 * only after it was renamed.
 */
export function copyAt(copy: VolumeCopy | undefined, epoch: number): CopyOfEpoch | undefined {
  return copy?.status?.copies?.find((one) => one.directory === String(epoch) && one.state !== "Incoming");
}

/** Whether the volume is held by this move. */
export function isMine(s: MoveSnapshot, volume: LocalVolume): boolean {
  return volume.spec.activeMove?.uid === s.move.metadata.uid;
}

export function isFenced(s: MoveSnapshot, volume: LocalVolume): boolean {
  return volume.spec.fence === s.move.metadata.uid;
}

/** The volumes that exist, in the order of their names. */
export function existing(
  s: Pick<MoveSnapshot, "volumes">,
): readonly (VolumeView & { readonly volume: Stored<LocalVolume> })[] {
  return s.volumes.filter((view): view is VolumeView & { volume: Stored<LocalVolume> } => view.volume !== undefined);
}

export function podName(pod: { readonly namespace: string; readonly name: string }): string {
  return `${pod.namespace}/${pod.name}`;
}

/** Pods on the source that may still run and are not being deleted. */
export function podsToEvict(s: MoveSnapshot): readonly PodView[] {
  return s.pods.filter((pod) => pod.nodeName === s.source.name && !pod.finished && pod.deletionTimestamp === undefined);
}
