import type { LocalVolume, LocalVolumeSpec } from "../../api/kinds/local-volume.ts";
import type { VolumeMove, VolumeMoveStatus } from "../../api/kinds/volume-move.ts";
import type { Part, PodView } from "./snapshot.ts";
import type { Stored } from "./stored.ts";

/** The changes that a move makes to a LocalVolume. */
export type VolumeChange = "take" | "fence" | "unfence" | "release" | "place";

/**
 * The next step. Each step is at most one write, and each write carries the resourceVersion of the
 * object on which it was decided.
 */
export type MoveStep =
  /** Do nothing until an object changes. */
  | { readonly step: "nothing"; readonly why: string }
  /** Read these parts from the API server and plan again. */
  | { readonly step: "read"; readonly parts: readonly Part[] }
  /** Plan again when an object changes, or at `until` (milliseconds). status.message says why. */
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
