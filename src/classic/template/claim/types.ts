import { BOOL, GoType, INT32, INT64, STRING, STRING_MAP, UINT8 } from "../values/types.ts";
import { TIME } from "../time/types.ts";

// The Kubernetes types a claim's metadata consists of, field by field in Go's order. Their methods are in methods.ts.

export const UID = new GoType("string", "types.UID");
export const OPERATION = new GoType("string", "v1.ManagedFieldsOperationType");

/** metav1.Time */
export const META_TIME = new GoType("struct", "v1.Time", { fields: [{ name: "Time", type: TIME, embedded: true }] });

export const TIMESTAMP = new GoType("struct", "v1.Timestamp", {
  fields: [
    { name: "Seconds", type: INT64 },
    { name: "Nanos", type: INT32 },
  ],
});

export const FIELDS_V1 = new GoType("struct", "v1.FieldsV1", { fields: [{ name: "Raw", type: UINT8.slice }] });

export const OWNER_REFERENCE = new GoType("struct", "v1.OwnerReference", {
  fields: [
    { name: "APIVersion", type: STRING },
    { name: "Kind", type: STRING },
    { name: "Name", type: STRING },
    { name: "UID", type: UID },
    { name: "Controller", type: BOOL.pointer },
    { name: "BlockOwnerDeletion", type: BOOL.pointer },
  ],
});

export const MANAGED_FIELDS_ENTRY = new GoType("struct", "v1.ManagedFieldsEntry", {
  fields: [
    { name: "Manager", type: STRING },
    { name: "Operation", type: OPERATION },
    { name: "APIVersion", type: STRING },
    { name: "Time", type: META_TIME.pointer },
    { name: "FieldsType", type: STRING },
    { name: "FieldsV1", type: FIELDS_V1.pointer },
    { name: "Subresource", type: STRING },
  ],
});

export const OBJECT_META = new GoType("struct", "v1.ObjectMeta", {
  fields: [
    { name: "Name", type: STRING },
    { name: "GenerateName", type: STRING },
    { name: "Namespace", type: STRING },
    { name: "SelfLink", type: STRING },
    { name: "UID", type: UID },
    { name: "ResourceVersion", type: STRING },
    { name: "Generation", type: INT64 },
    { name: "CreationTimestamp", type: META_TIME },
    { name: "DeletionTimestamp", type: META_TIME.pointer },
    { name: "DeletionGracePeriodSeconds", type: INT64.pointer },
    { name: "Labels", type: STRING_MAP },
    { name: "Annotations", type: STRING_MAP },
    { name: "OwnerReferences", type: OWNER_REFERENCE.slice },
    { name: "Finalizers", type: STRING.slice },
    { name: "ManagedFields", type: MANAGED_FIELDS_ENTRY.slice },
  ],
});

/** The original's own type, which its error messages name. */
export const PV_METADATA = new GoType("struct", "main.pvMetadata", {
  fields: [
    { name: "PVName", type: STRING },
    { name: "PVC", type: OBJECT_META },
  ],
});
