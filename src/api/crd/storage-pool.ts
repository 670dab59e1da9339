import { storagePools, storagePoolSpec, storagePoolStatus } from "../kinds/storage-pool.ts";
import type { CustomKind } from "./custom-kind.ts";

export const storagePoolKind: CustomKind = {
  resource: storagePools,
  description:
    "StoragePool says where a set of nodes keeps volumes: one directory with the same path on each of them. A StorageClass names it with the parameter pool. An administrator writes it; the controller writes the status.",
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
      message: "path is written without . and .. components.",
    },
  ],
};
