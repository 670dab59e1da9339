import { storagePools, storagePoolSpec, storagePoolStatus } from "../kinds/storage-pool.ts";
import type { CustomKind } from "./custom-kind.ts";

export const storagePoolKind: CustomKind = {
  resource: storagePools,
  description:
    "StoragePool is a directory for volumes, with the same path on each node of a set. A StorageClass names its pool in the parameter pool. An administrator writes the spec; the controller writes the status.",
  spec: storagePoolSpec,
  specRequired: true,
  status: storagePoolStatus,
  shortNames: ["sp"],
  columns: [
    { name: "Path", jsonPath: ".spec.path", type: "string" },
    { name: "Nodes", jsonPath: ".status.nodes", type: "integer" },
    { name: "Ready", jsonPath: ".status.readyNodes", type: "integer" },
    { name: "Reserve", jsonPath: ".spec.reserve", type: "string", wide: true },
  ],
  selectableFields: [],
  rules: [
    {
      of: "spec",
      field: ".path",
      rule: "!self.path.split('/').exists(part, part == '.' || part == '..')",
      message: "path must not contain . or .. components.",
    },
  ],
};
