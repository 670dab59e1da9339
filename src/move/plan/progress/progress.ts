import type { VolumeMoveStatus } from "../../../api/kinds/volume-move.ts";
import { currentReport } from "../parts.ts";
import type { MoveSnapshot } from "../snapshot.ts";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

/** The progress of the copy, as a part of a sentence. Empty while it is not known. */
export function howFar({ eta, progress }: ReturnType<typeof progressOf>): string {
  if (progress === undefined) return "";
  return eta === undefined ? `, ${progress}` : `, ${progress}, about ${eta} left`;
}

/** Bytes in a sentence, such as 4.2 GiB. */
export function bytesOf(bytes: number): string {
  const unit = unitOf(bytes);
  return `${(bytes / unit).toFixed(1)} ${nameOf(unit)}`;
}

function unitOf(bytes: number): number {
  return bytes >= GIB ? GIB : MIB;
}

function nameOf(unit: number): string {
  return unit === GIB ? "GiB" : "MiB";
}

/** The progress of the copy, from the reports of both agents. Empty while it is not known. */
export function progressOf(s: MoveSnapshot): Pick<VolumeMoveStatus, "progress" | "bytesTotal" | "bytesDone" | "eta"> {
  let total = 0;
  let remaining = 0;
  let rate = 0;
  let known = false;
  for (const { sourceCopy, targetCopy } of s.volumes) {
    const source = currentReport(s, sourceCopy, "Source");
    const target = currentReport(s, targetCopy, "Target");
    const bytes = target?.bytes ?? source?.bytes;
    if (bytes === undefined) continue;
    known = true;
    total += bytes;
    if (target?.state === "Copied" || target?.state === "Precopied") continue;
    remaining += target?.toRead ?? bytes;
    rate += target?.rate ?? 0;
  }
  if (!known) return {};
  const unit = unitOf(total);
  const figure = (bytes: number): string => (bytes / unit).toFixed(1);
  return {
    progress: `${figure(total - remaining)} of ${figure(total)} ${nameOf(unit)}`,
    bytesTotal: total,
    bytesDone: total - remaining,
    ...(rate > 0 ? { eta: `${String(Math.ceil(remaining / rate))} s` } : {}),
  };
}
