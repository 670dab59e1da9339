import { PROVISIONED_BY } from "../../api/names.ts";
import type { PersistentVolume } from "../../kube/kinds.ts";
import { PathIndex } from "./path-index.ts";
import { directoryOf, type VolumeTopology, topologyOf } from "./directory-of.ts";

/** A volume's directory. */
export interface Location {
  readonly volume: string;
  /** undefined: on every node (a shared file system), or unknown. */
  readonly node: string | undefined;
  readonly path: string;
}

/** What must be known of a PersistentVolume to tell whether it shares a directory with another. */
export interface LocatedVolume {
  readonly name: string;
  readonly path: string;
  readonly topology: VolumeTopology;
  /** `namespace/name` of the claim in claimRef, with its UID. */
  readonly claim: string | undefined;
  /**
   * Released by a claim, with policy Delete: its directory is or will be removed. Without the UID
   * of the claim an administrator has taken the volume back, as in planReclaim: its data stays,
   * even while kube-controller-manager has not changed the phase yet.
   */
  readonly willBeRemoved: boolean;
  /**
   * With policy Delete: the claim it was made for. When that claim is gone the directory will be
   * removed, even if the volume is not marked Released yet. undefined for a volume that no
   * provisioner has made, or that has Failed: nothing removes it, so nothing may wait for its
   * removal.
   */
  readonly owner: { readonly key: string; readonly uid: string } | undefined;
}

/**
 * Finds the PersistentVolumes (of any provisioner, made by hand as well) whose directory is,
 * contains or lies in a given one.
 */
export interface VolumeIndex {
  /** On any node. */
  near(path: string): readonly LocatedVolume[];
  has(name: string): boolean;
  get(name: string): LocatedVolume | undefined;
}

export function locatedVolume(volume: PersistentVolume): LocatedVolume | undefined {
  const path = directoryOf(volume);
  const name = volume.metadata?.name;
  if (path === undefined || name === undefined || !path.startsWith("/")) return undefined;
  const { persistentVolumeReclaimPolicy: policy, claimRef } = volume.spec ?? {};
  const deletes = policy === "Delete" && volume.metadata?.deletionTimestamp === undefined;
  const provisioned = volume.metadata?.annotations?.[PROVISIONED_BY] !== undefined;
  const phase = volume.status?.phase;
  const claim = claimRef?.uid
    ? { key: `${claimRef.namespace ?? ""}/${claimRef.name ?? ""}`, uid: claimRef.uid }
    : undefined;
  return {
    name,
    path,
    topology: topologyOf(volume),
    claim: claim?.key,
    willBeRemoved: deletes && claim !== undefined && phase === "Released",
    owner: deletes && provisioned && phase !== "Failed" ? claim : undefined,
  };
}

/**
 * The index, kept up to date by whoever watches PersistentVolumes: `set` for added and updated,
 * `delete` for deleted.
 */
export class VolumeLocations implements VolumeIndex {
  readonly #volumes = new PathIndex<LocatedVolume>();

  set(volume: PersistentVolume): void {
    const located = locatedVolume(volume);
    if (located === undefined) this.delete(volume.metadata?.name ?? "");
    else this.#volumes.set(located.name, located.path, located);
  }

  delete(name: string): void {
    this.#volumes.delete(name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get(name: string): LocatedVolume | undefined {
    return this.#volumes.get(name);
  }

  near(path: string): readonly LocatedVolume[] {
    return this.#volumes.near(path);
  }
}
