import {
  SELECTED_NODE,
  SELECTED_NODE_ALPHA,
  STORAGE_CLASS_BETA,
  STORAGE_PROVISIONER,
  STORAGE_PROVISIONER_BETA,
} from "../../api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";

/**
 * The PersistentVolume that a claim gets. One name per claim, so that every step may be repeated
 * after a crash.
 */
export function volumeNameOf(claim: PersistentVolumeClaim): string {
  return `pvc-${uidOf(claim)}`;
}

/** The driver that kube-controller-manager asks to serve the claim. */
export function provisionerOf(claim: PersistentVolumeClaim): string | undefined {
  const annotations = claim.metadata?.annotations;
  return annotations?.[STORAGE_PROVISIONER] ?? annotations?.[STORAGE_PROVISIONER_BETA];
}

/** The claim's class: the beta annotation first, then the field; "" when it names none. */
export function classNameOf(claim: PersistentVolumeClaim): string {
  return claim.metadata?.annotations?.[STORAGE_CLASS_BETA] ?? claim.spec?.storageClassName ?? "";
}

/** `namespace/name` of the claim that a volume is for, whatever its UID. */
export function claimKeyOf(volume: PersistentVolume): string | undefined {
  const { namespace, name } = volume.spec?.claimRef ?? {};
  return namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`;
}

/** The node chosen for the claim, and the annotation that says so. */
export function selectedNodeOf(
  claim: PersistentVolumeClaim,
): { readonly annotation: string; readonly node: string } | undefined {
  for (const annotation of [SELECTED_NODE, SELECTED_NODE_ALPHA]) {
    const node = claim.metadata?.annotations?.[annotation];
    if (node !== undefined && node !== "") return { annotation, node };
  }
  return undefined;
}

/** Whether volumes of the class are made only once the scheduler has chosen a node. */
export function waitsForConsumer(storageClass: StorageClass): boolean {
  return storageClass.volumeBindingMode === "WaitForFirstConsumer";
}

/** The data source a claim asks to be filled from; the newer field wins, as in the API server. */
export function dataSourceOf(
  claim: PersistentVolumeClaim,
): { readonly apiGroup: string; readonly kind: string; readonly name: string } | undefined {
  const source = claim.spec?.dataSourceRef ?? claim.spec?.dataSource;
  if (source === undefined) return undefined;
  return { apiGroup: source.apiGroup ?? "", kind: source.kind, name: source.name };
}
