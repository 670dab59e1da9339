import { PROVISIONED_BY } from "../../src/api/names.ts";
import { PV_NODE } from "../../src/classic/names.ts";
import type { Lease, PersistentVolume, PersistentVolumeClaim, Pod } from "../../src/kube/kinds.ts";
import type { LabApi } from "../../src/lab/index.ts";
import type { Disk } from "./disk.ts";

/** Reads the store and the disks directly, without any cache. */
export class ClusterView {
  readonly #api: LabApi;
  readonly #disks: ReadonlyMap<string, Disk>;

  /** `disks` by node. */
  constructor(api: LabApi, disks: ReadonlyMap<string, Disk>) {
    this.#api = api;
    this.#disks = disks;
  }

  /** Every disk once. */
  disks(): readonly Disk[] {
    return [...new Set(this.#disks.values())];
  }

  claims(): readonly PersistentVolumeClaim[] {
    return this.#of<PersistentVolumeClaim>("persistentvolumeclaims");
  }

  /** Those that a provisioner has made: not the canary. */
  volumes(): readonly PersistentVolume[] {
    return this.#of<PersistentVolume>("persistentvolumes").filter(isProvisioned);
  }

  pods(namespace: string): readonly Pod[] {
    return this.#of<Pod>("pods").filter(({ metadata }) => metadata?.namespace === namespace);
  }

  leases(namespace: string): readonly Lease[] {
    return this.#of<Lease>("leases.coordination.k8s.io").filter(({ metadata }) => metadata?.namespace === namespace);
  }

  claimOf(uid: string | undefined): PersistentVolumeClaim | undefined {
    return this.claims().find(({ metadata }) => metadata?.uid === uid);
  }

  /** Whether the claim that this volume belongs to still exists. */
  isNeeded(volume: PersistentVolume): boolean {
    const claim = this.claimOf(volume.spec?.claimRef?.uid);
    const boundTo = claim?.spec?.volumeName ?? "";
    return claim !== undefined && (boundTo === "" || boundTo === volume.metadata?.name);
  }

  /**
   * Where a volume's directory is; a volume that names no node lies on the disk that all nodes
   * have.
   */
  placeOf(volume: PersistentVolume): { readonly disk: Disk; readonly path: string } | undefined {
    const path = (volume.spec?.hostPath?.path ?? volume.spec?.local?.path)?.replace(/\/+$/, "");
    const node = volume.metadata?.annotations?.[PV_NODE] ?? "";
    const disk = node === "" ? this.disks()[0] : this.#disks.get(node);
    return path === undefined || disk === undefined ? undefined : { disk, path };
  }

  #of<T>(collection: string): readonly T[] {
    return this.#api.objects(collection) as unknown as readonly T[];
  }
}

export function isProvisioned(volume: PersistentVolume): boolean {
  return volume.metadata?.annotations?.[PROVISIONED_BY] !== undefined;
}
