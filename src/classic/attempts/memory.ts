import { isOwnDirectory } from "../directory/own-directory.ts";
import type { HelperPod } from "../helper/pods/helper-pods.ts";

/** An attempt that may have made something. */
export interface Attempt {
  /** "" where the scheduler chose. */
  readonly node: string;
  readonly path: string;
  readonly sizeBytes: bigint;
  /** It was for a class with policy Retain. */
  readonly retain: boolean;
}

/** What this process knows of a volume and the pods on the cluster may not record. */
interface VolumeState {
  /** Something may have been made there, possibly with no pod left that records it. */
  readonly made: Attempt | undefined;
  /** Some attempt was for a class with policy Retain; noted while its pods are removed. */
  readonly isRetained: boolean;
  /** The PersistentVolume was stored, and the create pod could not be deleted. */
  readonly isStored: boolean;
}

const NOTHING: VolumeState = { made: undefined, isRetained: false, isStored: false };

/**
 * What this process remembers of the attempts of volumes. A new leader knows nothing of it and
 * needs none of it: the create pods say what may be there, and where they cannot, the claim is the
 * record (helper/run.ts).
 */
export class AttemptMemory {
  readonly #volumes = new Map<string, VolumeState>();

  /** Volumes of which something may have been made. */
  volumes(): readonly string[] {
    return [...this.#volumes].flatMap(([name, { made }]) => (made === undefined ? [] : [name]));
  }

  madeOf(volumeName: string): Attempt | undefined {
    return this.#volumes.get(volumeName)?.made;
  }

  made(volumeName: string, made: Attempt): void {
    this.#change(volumeName, { made });
  }

  /** Nothing is there any more, or a PersistentVolume records it. */
  forgetMade(volumeName: string): void {
    this.#change(volumeName, { made: undefined });
  }

  retained(volumeName: string): void {
    this.#change(volumeName, { isRetained: true });
  }

  stored(volumeName: string, isStored: boolean): void {
    this.#change(volumeName, { isStored });
  }

  /** Nothing of the volume remains. */
  forget(volumeName: string): void {
    this.#volumes.delete(volumeName);
  }

  /** Whether what an attempt made must never be removed: it may hold older or retained data. */
  isKept(volumeName: string, { path, retain }: Attempt): boolean {
    const { isRetained, isStored } = this.#volumes.get(volumeName) ?? NOTHING;
    return retain || isRetained || isStored || !isOwnDirectory(path, volumeName);
  }

  #change(volumeName: string, change: Partial<VolumeState>): void {
    const state = { ...(this.#volumes.get(volumeName) ?? NOTHING), ...change };
    if (state.made === undefined && !state.isRetained && !state.isStored) this.#volumes.delete(volumeName);
    else this.#volumes.set(volumeName, state);
  }
}

/** What a create pod may have made; undefined when it does not say where. */
export function attemptOf({ record: { node, path, sizeBytes, retain } }: HelperPod): Attempt | undefined {
  return path === undefined ? undefined : { node, path, sizeBytes, retain };
}

export function isSameLocation(a: Attempt | undefined, b: Attempt | undefined): boolean {
  return a?.path === b?.path && a?.node === b?.node;
}
