import { volumeCopies, type CopyReport } from "../../api/kinds/volume-copy.ts";
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import { secondsTime } from "../../kube/timestamps.ts";
import type { VolumeCopies } from "../copies/volume-copies.ts";
import { describeHolder, type Proof } from "../holders/holders.ts";
import type { ReportContent, VolumeView } from "./view.ts";

export interface ReportDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly bootID: string;
  readonly copies: Pick<VolumeCopies, "make" | "read">;
}

/** Writes this node's report on the move into its VolumeCopy, which is made if it is missing. */
export async function writeReport(
  { bootID, client, clock, copies }: ReportDeps,
  view: Pick<VolumeView, "move" | "volume">,
  content: ReportContent,
  signal: AbortSignal,
): Promise<void> {
  const { move, volume } = view;
  if (move === undefined) return;
  const object = (await copies.read(volume, signal)) ?? (await copies.make(volume, signal));
  const { name, uid, resourceVersion } = object.metadata;
  const report: CopyReport = {
    moveUID: move.metadata.uid,
    sealing: move.status?.sealing ?? 0,
    ...content,
    bootID,
    at: secondsTime(clock.now()),
  };
  // A merge patch keeps fields that it does not name, also inside of `livePass`.
  const cleared = Object.fromEntries(Object.keys(object.status?.move ?? {}).map((key) => [key, null]));
  const livePass = report.livePass && { read: null, toRead: null, ...report.livePass };
  try {
    await client.patchMerge(
      volumeCopies,
      { name },
      {
        metadata: { uid, resourceVersion },
        status: { move: { ...cleared, ...report, ...(livePass && { livePass }) } },
      },
      { subresource: "status", signal },
    );
  } catch (error) {
    // The object has changed, so everything is read and planned again.
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}

/** The most holders that a report names. */
const FEW = 3;

/** Why it is not proven that nobody can write, as a sentence of a report. */
export function whyUnproven(proof: Extract<Proof, { proven: false }>): string {
  const { holders, unreadable } = proof;
  const named = [
    ...holders.map((holder) => describeHolder(holder)),
    ...unreadable.map(({ pid, why }) => `process ${String(pid)} cannot be checked: ${why}`),
  ];
  const more = named.length > FEW ? `; and ${String(named.length - FEW)} more` : "";
  return named.slice(0, FEW).join("; ") + more;
}
