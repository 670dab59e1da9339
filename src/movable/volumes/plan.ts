import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { LOCAL_VOLUME_FINALIZER } from "../../api/names.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { Stored } from "../../kube/objects.ts";

export type VolumePlan =
  | { readonly step: "nothing" }
  /** Put our finalizer back: an uninstalled Mooring has taken it off. */
  | { readonly step: "guard" }
  /** The first publish has made the directory: nobody may make another one. */
  | { readonly step: "forbid-creation" }
  /** The copy's bytes are gone: its object can go. */
  | { readonly step: "delete-copy"; readonly copy: Stored<VolumeCopy> }
  /** No node has bytes of the volume any more, or will make any: its object can go. */
  | { readonly step: "finish" }
  /** Bytes are still to be removed on these nodes. */
  | { readonly step: "wait"; readonly nodes: readonly string[] }
  /** Somebody deleted the object. That is no order to remove data. */
  | { readonly step: "explain-deletion" };

/**
 * The next step of one LocalVolume outside of moves.
 *
 *   made (mayCreate) ── first publish seen ──▶ in use ── reclaim ordered ──▶ being removed ──▶ gone
 *
 * `copies` are all VolumeCopies of the volume. While `mayCreate` is set its node may be in the
 * middle of a first publish, so the end waits for that node's agent to say that it will make
 * nothing.
 */
export function planVolume(volume: Stored<LocalVolume>, copies: readonly Stored<VolumeCopy>[]): VolumePlan {
  const { mayCreate, reclaim } = volume.spec;
  const { deletionTimestamp, finalizers = [] } = volume.metadata;
  if (deletionTimestamp === undefined && !finalizers.includes(LOCAL_VOLUME_FINALIZER)) return { step: "guard" };
  if (mayCreate !== undefined) {
    const copy = copies.find(({ spec }) => spec.nodeName === mayCreate.nodeName);
    // A tombstone says that nothing was made: the right to make it moves along with the volume.
    const made =
      copy?.status?.copies?.some(({ epoch, tombstone }) => epoch === mayCreate.epoch && tombstone !== true) === true;
    if (made || (reclaim && copy?.status?.purged === true)) return { step: "forbid-creation" };
  }
  if (!reclaim) {
    return { step: deletionTimestamp === undefined ? "nothing" : "explain-deletion" };
  }
  const purged = copies.find(
    ({ metadata, status }) => status?.purged === true && metadata.deletionTimestamp === undefined,
  );
  if (purged !== undefined) return { step: "delete-copy", copy: purged };
  const waiting = [
    ...copies.map(({ spec }) => spec.nodeName),
    ...(mayCreate === undefined ? [] : [mayCreate.nodeName]),
  ];
  return waiting.length === 0 ? { step: "finish" } : { step: "wait", nodes: [...new Set(waiting)] };
}
