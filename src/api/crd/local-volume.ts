import { MAX_VOLUME_NAME } from "../kinds/fields.ts";
import { localVolumes, localVolumeSpec, localVolumeStatus } from "../kinds/local-volume.ts";
import { neverChanges, type CustomKind } from "./custom-kind.ts";

export const localVolumeKind: CustomKind = {
  resource: localVolumes,
  description:
    "LocalVolume is one movable volume: which node has its data, and in which epoch. It has the name of its PersistentVolume. Only the controller writes it.",
  spec: localVolumeSpec,
  specRequired: true,
  status: localVolumeStatus,
  shortNames: ["lv"],
  columns: [
    { name: "Pool", jsonPath: ".spec.pool", type: "string" },
    { name: "Node", jsonPath: ".spec.nodeName", type: "string" },
    { name: "Epoch", jsonPath: ".spec.epoch", type: "integer" },
    { name: "Capacity", jsonPath: ".spec.capacity", type: "string" },
    { name: "Claim", jsonPath: ".spec.claim.name", type: "string" },
    { name: "Namespace", jsonPath: ".spec.claim.namespace", type: "string", wide: true },
    { name: "Move", jsonPath: ".spec.activeMove.name", type: "string", wide: true },
  ],
  selectableFields: [".spec.nodeName", ".spec.reclaim"],
  rules: [
    {
      of: "object",
      field: "",
      rule: `self.metadata.name.size() <= ${MAX_VOLUME_NAME}`,
      message: `The name of a volume is part of a node label's key and has at most ${MAX_VOLUME_NAME} characters.`,
    },
    neverChanges("pool"),
    neverChanges("originHostname"),
    neverChanges("incarnation"),
    {
      of: "spec",
      field: ".epoch",
      rule: "self.epoch >= oldSelf.epoch",
      message: "epoch never falls: copies of lower epochs are no longer the volume.",
    },
    {
      of: "spec",
      field: ".nodeName",
      rule: "self.nodeName == oldSelf.nodeName || self.epoch > oldSelf.epoch",
      message: "nodeName changes only together with a higher epoch.",
    },
    {
      of: "spec",
      field: ".mayCreate",
      rule: "!has(self.mayCreate) || (self.mayCreate.nodeName == self.nodeName && self.mayCreate.epoch == self.epoch)",
      message: "mayCreate names the node and the epoch of the volume itself.",
    },
    {
      of: "spec",
      field: ".mayCreate",
      rule: "!has(self.mayCreate) || has(oldSelf.mayCreate) || self.epoch > oldSelf.epoch",
      message: "mayCreate is not given a second time in one epoch: a volume is made once.",
    },
    {
      of: "spec",
      field: ".fence",
      rule: "!has(self.fence) || (has(self.activeMove) && self.activeMove.uid == self.fence)",
      message: "fence holds the UID of the active move.",
    },
    {
      of: "spec",
      field: ".reclaim",
      rule: "!oldSelf.reclaim || self.reclaim",
      message: "reclaim is never taken back: bytes may be gone already.",
    },
  ],
};
