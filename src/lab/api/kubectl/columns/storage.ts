import type { PersistentVolume, PersistentVolumeClaim } from "kubernetes-types/core/v1.js";
import type { CSIDriver, CSINode, StorageClass } from "kubernetes-types/storage/v1.js";
import type { LabObject } from "../../../store/object.ts";
import { ageColumn, column, nameColumn, wide, type Column } from "./column.ts";

const SHORT: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};
const BETA_CLASS = "volume.beta.kubernetes.io/storage-class";

const modes = (list: readonly string[] | undefined): string =>
  Object.keys(SHORT)
    .filter((mode) => (list ?? []).includes(mode))
    .map((mode) => SHORT[mode])
    .join(",");
const phase = (object: LabObject): string =>
  object.metadata.deletionTimestamp === undefined
    ? ((object["status"] as { phase?: string } | undefined)?.phase ?? "")
    : "Terminating";
const attributesClass = (object: LabObject): string =>
  (object["spec"] as { volumeAttributesClassName?: string } | undefined)?.volumeAttributesClassName ?? "<unset>";
const className = (object: LabObject): string =>
  object.metadata.annotations?.[BETA_CLASS] ??
  (object["spec"] as { storageClassName?: string } | undefined)?.storageClassName ??
  "";
const volumeMode = wide(
  "VolumeMode",
  (object) => (object["spec"] as { volumeMode?: string } | undefined)?.volumeMode ?? "<unset>",
);

const claim = (object: LabObject): PersistentVolumeClaim => object as unknown as PersistentVolumeClaim;
const bound = (object: LabObject): boolean => (claim(object).spec?.volumeName ?? "") !== "";

export const claimColumns: readonly Column[] = [
  nameColumn,
  column("Status", phase),
  column("Volume", (object) => claim(object).spec?.volumeName ?? ""),
  column("Capacity", (object) => (bound(object) ? (claim(object).status?.capacity?.["storage"] ?? "0") : "")),
  column("Access Modes", (object) => (bound(object) ? modes(claim(object).status?.accessModes) : "")),
  column("StorageClass", className),
  column("VolumeAttributesClass", attributesClass),
  ageColumn,
  volumeMode,
];

const volume = (object: LabObject): PersistentVolume => object as unknown as PersistentVolume;

export const volumeColumns: readonly Column[] = [
  nameColumn,
  column("Capacity", (object) => volume(object).spec?.capacity?.["storage"] ?? "0"),
  column("Access Modes", (object) => modes(volume(object).spec?.accessModes)),
  column("Reclaim Policy", (object) => volume(object).spec?.persistentVolumeReclaimPolicy ?? ""),
  column("Status", phase),
  column("Claim", (object) => {
    const ref = volume(object).spec?.claimRef;
    return ref === undefined ? "" : `${ref.namespace ?? ""}/${ref.name ?? ""}`;
  }),
  column("StorageClass", className),
  column("VolumeAttributesClass", attributesClass),
  column("Reason", (object) => volume(object).status?.reason ?? ""),
  ageColumn,
  volumeMode,
];

const storageClass = (object: LabObject): StorageClass => object as unknown as StorageClass;

export const classColumns: readonly Column[] = [
  column(
    "Name",
    ({ metadata }) => {
      const isDefault = metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
      return `${metadata.name ?? ""}${isDefault ? " (default)" : ""}`;
    },
    { format: "name" },
  ),
  column("Provisioner", (object) => storageClass(object).provisioner),
  column("ReclaimPolicy", (object) => storageClass(object).reclaimPolicy ?? "Delete"),
  column("VolumeBindingMode", (object) => storageClass(object).volumeBindingMode ?? "<unset>"),
  column("AllowVolumeExpansion", (object) => storageClass(object).allowVolumeExpansion ?? false),
  ageColumn,
];

const driver = (object: LabObject): CSIDriver["spec"] => (object as unknown as CSIDriver).spec;

export const csiDriverColumns: readonly Column[] = [
  nameColumn,
  column("AttachRequired", (object) => driver(object).attachRequired ?? true, { type: "boolean" }),
  column("PodInfoOnMount", (object) => driver(object).podInfoOnMount ?? false, { type: "boolean" }),
  column("StorageCapacity", (object) => driver(object).storageCapacity ?? false, { type: "boolean" }),
  column(
    "TokenRequests",
    (object) =>
      driver(object)
        .tokenRequests?.map(({ audience }) => audience)
        .join(",") ?? "<unset>",
  ),
  column("RequiresRepublish", (object) => driver(object).requiresRepublish ?? false, { type: "boolean" }),
  column("Modes", (object) => (driver(object).volumeLifecycleModes ?? []).join(",") || "<none>"),
  ageColumn,
];

export const csiNodeColumns: readonly Column[] = [
  nameColumn,
  column("Drivers", (object) => (object as unknown as CSINode).spec.drivers?.length ?? 0, { type: "integer" }),
  ageColumn,
];
