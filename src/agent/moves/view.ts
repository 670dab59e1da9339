import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { CopyReport, CopyState } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Stored } from "../../kube/objects.ts";

/** One copy of the volume on this node, as its copy.json says. */
export interface CopyView {
  readonly directory: string;
  readonly epoch: number;
  readonly incarnation: string;
  readonly state: CopyState;
  readonly tombstone: boolean;
  readonly moveUID: string | undefined;
}

/** The totals of a tree. */
export interface Summary {
  readonly digest: string;
  readonly bytes: number;
  readonly files: number;
}

/** Why a tree could not be read or copied. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What came of reading or copying a tree. */
export type Outcome = Summary | Failure;

/** What came of the live passes. Such a tree is of no one moment: it has no digest. */
export type Precopy = { readonly bytes: number; readonly files: number; readonly toSend: number } | Failure;

/** The same, and for which stay of the move in Copying (`status.copyingAt`). */
export interface Precopied {
  readonly copyingAt: string | undefined;
  readonly result: Precopy;
}

/**
 * Everything that the next step for one volume on this node is decided from. Objects are read
 * uncached.
 */
export interface VolumeView {
  readonly volume: string;
  readonly nodeName: string;
  readonly bootID: string;
  /** undefined: there is none. */
  readonly localVolume: Stored<LocalVolume> | undefined;
  /**
   * The move that holds the volume (activeMove), or that this node has reported for; undefined:
   * none or gone.
   */
  readonly move: Stored<VolumeMove> | undefined;
  readonly copies: readonly CopyView[];
  /** Pods that have the volume mounted here, by the mount table. */
  readonly publishedTo: readonly string[];
  /** What this node has reported last. */
  readonly report: CopyReport | undefined;
  /** What this process has found out for this move and sealing; it is gone with the process. */
  readonly found: Found;
}

export interface Found {
  /** Whether nobody can write into the sealed copy. */
  readonly proven?: boolean | undefined;
  /** When nobody had the volume mounted any more (monotonic, milliseconds). */
  readonly closedAt?: number | undefined;
  /** The sealed copy, read whole, or why it cannot be read. */
  readonly summary?: Outcome | (Summary & { readonly sealMs: number }) | undefined;
  /** What stands in the way of a move, as a sentence; "" when nothing does. */
  readonly unmovable?: string | undefined;
  /** What a finished transfer of this sealing has brought, or why it failed. */
  readonly copied?: Outcome | undefined;
  /** What the live passes have brought, or why they could not. */
  readonly precopied?: Precopied | undefined;
  /** How far a transfer is that runs now: bytes that have arrived, and bytes per second. */
  readonly copying?: { readonly received: number; readonly rate: number } | undefined;
}

/** What a report says besides who, when, and for which move. */
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
  | "sealMs"
  | "copyingAt"
>;

/** What the move recorded of the volume when it took it. */
export function recordedOf(view: VolumeView) {
  return view.move?.status?.volumes?.find(({ name }) => name === view.volume);
}

/**
 * Whether the last report says this already, for the move's present sealing and the machine's
 * present boot.
 */
export function isReported(view: VolumeView, content: ReportContent): boolean {
  const { bootID, move, report } = view;
  if (report === undefined || move === undefined) return false;
  const { role, state, code, message, tombstone, digest, toRead, copyingAt } = report;
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
    copyingAt === content.copyingAt
  );
}
