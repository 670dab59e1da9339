import type { HelperRecord, HelperState } from "../helper/pods/record.ts";

/** The states of a helper pod, each with a name. */
export const STATES = {
  waiting: { is: "at work", mayHaveRun: false, ending: undefined },
  running: { is: "at work", mayHaveRun: true, ending: undefined },
  stopped: { is: "at work", mayHaveRun: true, ending: "by deadline" },
  unplaced: { is: "at work", mayHaveRun: false, ending: "by deadline" },
  deleted: { is: "at work", mayHaveRun: true, ending: "by deletion" },
  unbegunDeleted: { is: "at work", mayHaveRun: false, ending: "by deletion" },
  succeeded: { is: "over", mayHaveRun: true, well: true, isDeleted: false },
  failed: { is: "over", mayHaveRun: true, well: false, isDeleted: false },
  failedDeleted: { is: "over", mayHaveRun: true, well: false, isDeleted: true },
  succeededDeleted: { is: "over", mayHaveRun: true, well: true, isDeleted: true },
} as const satisfies Record<string, HelperState>;

/** What a create pod of volume `v` on node `n` records. */
export function helperRecord(podName: string, state: HelperState, change: Partial<HelperRecord> = {}): HelperRecord {
  return {
    podName,
    uid: podName,
    action: "create",
    volumeName: "v",
    path: "/p/v",
    node: "n",
    state,
    sizeBytes: 1n,
    again: false,
    retain: false,
    provisioner: "p",
    volumeUid: undefined,
    claimUid: undefined,
    createdAt: undefined,
    ...change,
  };
}
