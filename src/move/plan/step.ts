import type { LocalVolume, LocalVolumeSpec } from "../../api/kinds/local-volume.ts";
import type { VolumeMove, VolumeMoveStatus } from "../../api/kinds/volume-move.ts";
import type { Part, PodView } from "./snapshot.ts";
import type { Stored } from "./stored.ts";

/** What may change of a LocalVolume in a move. */
export type VolumeChange = "take" | "fence" | "unfence" | "release" | "place";

/**
 * The one thing to do next. Each is at most one write, and each write carries the version of what
 * it was decided on.
 */
export type MoveStep =
  /** Nothing until an object changes. */
  | { readonly step: "nothing"; readonly why: string }
  /** Read these parts from the API server and plan again. */
  | { readonly step: "read"; readonly parts: readonly Part[] }
  /**
   * Look again when an object changes, or at `until` (milliseconds). What is waited for stands in
   * status.message.
   */
  | { readonly step: "wait"; readonly until: number | undefined }
  | { readonly step: "add-finalizer"; readonly move: Stored<VolumeMove> }
  | { readonly step: "remove-finalizer"; readonly move: Stored<VolumeMove> }
  | { readonly step: "set-status"; readonly move: Stored<VolumeMove>; readonly status: VolumeMoveStatus }
  | {
      readonly step: "change-volume";
      readonly change: VolumeChange;
      readonly volume: Stored<LocalVolume>;
      readonly spec: LocalVolumeSpec;
    }
  | { readonly step: "set-moved-at"; readonly volume: Stored<LocalVolume>; readonly at: string }
  /** A dry run: it asks the API server whether the disruption budgets allow the eviction now. */
  | { readonly step: "try-evict"; readonly pod: PodView }
  | { readonly step: "evict"; readonly pod: PodView; readonly gracePeriodSeconds: number | undefined }
  | { readonly step: "delete-pod"; readonly pod: PodView; readonly gracePeriodSeconds: number | undefined };
