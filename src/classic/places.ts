import type { PersistentVolume } from "../kube/kinds.ts";
import { overlaps } from "./paths.ts";
import { directoryOf, type Placement, placementOf } from "./reclaim.ts";

/** What must be known of a PersistentVolume to tell whether it shares a directory with another. */
export interface PlacedVolume {
  readonly name: string;
  readonly path: string;
  readonly placement: Placement;
  /** Released with policy Delete, or being deleted: its directory is or will be removed. */
  readonly goes: boolean;
}

/** Finds the PersistentVolumes (of any provisioner, made by hand as well) whose directory is, contains or lies in a given one. */
export interface VolumeIndex {
  /** Whatever their nodes. */
  near(path: string): readonly PlacedVolume[];
  has(name: string): boolean;
}

export function placedVolume(volume: PersistentVolume): PlacedVolume | undefined {
  const path = directoryOf(volume);
  const name = volume.metadata?.name;
  if (path === undefined || name === undefined || !path.startsWith("/")) return undefined;
  const released = volume.status?.phase === "Released" && volume.spec?.persistentVolumeReclaimPolicy === "Delete";
  return { name, path, placement: placementOf(volume), goes: released };
}

/** The index, kept up to date by whoever watches PersistentVolumes: `set` for added and updated, `delete` for deleted. */
export class VolumePlaces implements VolumeIndex {
  readonly #volumes = new Map<string, PlacedVolume>();
  /** Directory to the volumes at or below it, and to those exactly there: an answer costs the depth of the path, not the number of volumes. */
  readonly #atOrBelow = new Map<string, Set<string>>();
  readonly #exact = new Map<string, Set<string>>();

  set(volume: PersistentVolume): void {
    const name = volume.metadata?.name ?? "";
    const placed = placedVolume(volume);
    if (this.#volumes.get(name)?.path !== placed?.path) this.delete(name);
    if (placed === undefined) return;
    this.#volumes.set(name, placed);
    add(this.#exact, placed.path, name);
    for (const directory of lineage(placed.path)) add(this.#atOrBelow, directory, name);
  }

  delete(name: string): void {
    const placed = this.#volumes.get(name);
    if (placed === undefined) return;
    this.#volumes.delete(name);
    drop(this.#exact, placed.path, name);
    for (const directory of lineage(placed.path)) drop(this.#atOrBelow, directory, name);
  }

  has(name: string): boolean {
    return this.#volumes.has(name);
  }

  near(path: string): readonly PlacedVolume[] {
    const names = new Set(this.#atOrBelow.get(path));
    for (const directory of lineage(path)) for (const name of this.#exact.get(directory) ?? []) names.add(name);
    const found: PlacedVolume[] = [];
    for (const name of names) {
      const placed = this.#volumes.get(name);
      if (placed !== undefined && overlaps(placed.path, path)) found.push(placed);
    }
    return found;
  }
}

function add(index: Map<string, Set<string>>, directory: string, name: string): void {
  const names = index.get(directory);
  if (names === undefined) index.set(directory, new Set([name]));
  else names.add(name);
}

function drop(index: Map<string, Set<string>>, directory: string, name: string): void {
  const names = index.get(directory);
  names?.delete(name);
  if (names?.size === 0) index.delete(directory);
}

/** The path itself and all directories above it. */
function lineage(path: string): string[] {
  const all = ["/"];
  for (let slash = path.indexOf("/", 1); slash > 0; slash = path.indexOf("/", slash + 1)) {
    all.push(path.slice(0, slash));
  }
  if (path !== "/") all.push(path);
  return all;
}
