import { storageNodes, storageNodeSpec, storageNodeStatus } from "../kinds/storage-node.ts";
import type { CustomKind } from "./custom-kind.ts";

export const storageNodeKind: CustomKind = {
  resource: storageNodes,
  description:
    "StorageNode is one node as its agent sees it: its pools, and the address of the agent. Its name is that of the node. The agent makes it and writes its status.",
  spec: storageNodeSpec,
  specRequired: false,
  status: storageNodeStatus,
  shortNames: ["sn"],
  columns: [
    { name: "Ready pools", jsonPath: ".status.readyPools", type: "string" },
    { name: "Agent address", jsonPath: ".status.agent.address", type: "string" },
    { name: "Renewed", jsonPath: ".status.renewedAt", type: "date" },
    { name: "Version", jsonPath: ".status.agent.version", type: "string", wide: true },
  ],
  selectableFields: [],
  rules: [],
};
