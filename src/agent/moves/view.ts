import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { CopyReport, CopyState, LivePassReport } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Stored } from "../../kube/objects.ts";
import type { PoolState } from "../copies/on-disk.ts";
import type { TreeSummary } from "../transfer/tree/summary.ts";

/** One copy of the volume on this node, from its copy.json. */
export interface CopyView {
  readonly directory: string;
  readonly epoch: number;
  readonly incarnation: string;
  readonly state: CopyState;
  readonly tombstone: boolean;
  readonly moveUID: string | undefined;
  /** Of an Incoming copy: the sealing of its move for which it is complete. */
  readonly whole: number | undefined;
}

/** The totals of a tree. */
export interface Summary {
  readonly digest: string;
  readonly bytes: number;
  readonly files: number;
}

export function summaryOf({ hash, bytes, files }: TreeSummary): Summary {
  return { digest: hash, bytes, files };
}

/** Why a tree could not be read or copied. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** The result of reading or copying a tree. */
export type Outcome = Summary | Failure;

/**
 * The result of the live passes. It has no digest, because the tree is not the state of one moment.
 */
export type Precopy =
  | {
      readonly bytes: number;
      readonly files: number;
      readonly toSend: number;
      readonly livePass?: LivePassReport | undefined;
    }
  | Failure;

/** The same, with the time at which the move entered Copying (`status.copyingAt`). */
export interface Precopied {
  readonly copyingAt: string | undefined;
  readonly result: Precopy;
}

/** The input for the next step of one volume on this node. Objects are read uncached. */
export interface VolumeView {
  readonly volume: string;
  readonly nodeName: string;
  readonly bootID: string;
  /** undefined: there is none. */
  readonly localVolume: Stored<LocalVolume> | undefined;
  /**
   * The move that holds the volume (activeMove), or the move of this node's last report. Undefined:
   * there is none, or it is gone.
   */
  readonly move: Stored<VolumeMove> | undefined;
  readonly copies: readonly CopyView[];
  /** The volume's pool on this node. */
  readonly pool: PoolState;
  /** Pods that have the volume mounted here, by the mount table. */
  readonly publishedTo: readonly string[];
  /** The last report of this node. */
  readonly report: CopyReport | undefined;
  /** The findings of this process for this move and sealing. They are lost when it ends. */
  readonly found: Found;
}

export interface Found {
  /** Whether it is proven that nobody can write into the sealed copy. */
  readonly proven?: boolean | undefined;
  /** Time of the last unmount of the volume (monotonic, milliseconds). */
  readonly closedAt?: number | undefined;
  /** The totals of the sealed copy, or why it cannot be read. */
  readonly summary?: Outcome | (Summary & { readonly sealMs: number }) | undefined;
  /** Why the volume cannot be copied, as a sentence. "": it can. */
  readonly unmovable?: string | undefined;
  /** The totals of a finished transfer of this sealing, or why it failed. */
  readonly copied?: Outcome | undefined;
  /** The totals of the live passes, or why they failed. */
  readonly precopied?: Precopied | undefined;
  /** Progress of the running transfer. */
  readonly copying?: Copying | undefined;
}

/** Progress of a transfer: bytes that have arrived, and bytes per second. */
export interface Copying {
  readonly received: number;
  readonly rate: number;
  /** Of live passes: the last one that has ended. */
  readonly livePass?: LivePassReport | undefined;
  /** Of live passes: the time at which the move entered Copying. */
  readonly copyingAt?: string | undefined;
}

/** The contents of a report, without its author, time and move. */
export type ReportContent = Pick<
  CopyReport,
  | "role"
  | "state"
  | "code"
  | "message"
  | "tombstone"
  | "digest"
  | "bytes"
  | "files"
  | "toRead"
  | "toSend"
  | "rate"
  | "livePass"
  | "sealMs"
  | "copyingAt"
>;

/** The record that the move made of the volume when it took the volume. */
export function recordedOf(view: VolumeView) {
  return view.move?.status?.volumes?.find(({ name }) => name === view.volume);
}

/** Whether records of earlier passes may be used. After a failed copy everything is read again. */
export function recordsCount({ status: { failures = 0, sealedAt } = {} }: VolumeMove): boolean {
  return sealedAt === undefined || failures === 0;
}

/** Whether the last report has these contents already, for the current sealing and boot. */
export function isReported(view: VolumeView, content: ReportContent): boolean {
  const { bootID, move, report } = view;
  if (report === undefined || move === undefined) return false;
  const { role, state, code, message, tombstone, digest, toRead, livePass, copyingAt } = report;
  return (
    report.moveUID === move.metadata.uid &&
    report.sealing === (move.status?.sealing ?? 0) &&
    report.bootID === bootID &&
    role === content.role &&
    state === content.state &&
    code === content.code &&
    message === content.message &&
    tombstone === content.tombstone &&
    digest === content.digest &&
    toRead === content.toRead &&
    isPassReported(livePass, content.livePass) &&
    copyingAt === content.copyingAt
  );
}

/** If the CRDs are older than the agent, the API server does not keep what is reported here. */
function isPassReported(reported: LivePassReport | undefined, last: LivePassReport | undefined): boolean {
  return reported === undefined || reported.number === last?.number;
}
