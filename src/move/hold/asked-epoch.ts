/*
 * Which epoch a recorded request for an eviction is about (asked.ts writes the record).
 *
 * A version that does not know the epoch writes only the time and the grace period, by a merge
 * patch, which keeps the epoch of the request before. So the record has its time twice: as `at`,
 * which every version writes, and as `epochAt`, which only a version writes that also writes
 * `epoch`. If the two differ, the epoch is that of an earlier request. Each write is one patch, and
 * this is decided on one version of the object, so a crash before or after any write leaves either
 * the record of before or the new one, and both can be judged.
 *
 * Without `epochAt` the epoch counts: the kinds of the cluster may be too old for the copy.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";

type Status = NonNullable<LocalVolume["status"]>;

/** The epoch that the request names. Undefined: it is from a version that does not name it. */
export function epochOfAsked({ at, epoch, epochAt }: NonNullable<Status["asked"]>): number | undefined {
  return epochAt === undefined || epochAt === at ? epoch : undefined;
}

/**
 * Whether the request is from before the volume's last move, by the times of both. Clocks differ:
 * this is only for a request that does not name its epoch.
 */
export function isFromBeforeMove({ asked, movedAt }: Status): boolean {
  return Date.parse(asked?.at ?? "") <= Date.parse(movedAt ?? "");
}
