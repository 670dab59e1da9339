import { MAX_VOLUME_NAME } from "../kinds/fields.ts";
import { localVolumes, localVolumeSpec, localVolumeStatus } from "../kinds/local-volume.ts";
import { neverChanges, type CustomKind } from "./custom-kind.ts";

export const localVolumeKind: CustomKind = {
  resource: localVolumes,
  description:
    "LocalVolume is one movable volume. It names the node that has the data, and the epoch. Its name is that of its PersistentVolume. Only the controller writes it.",
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
      message: `The name of a volume is part of the key of a node label, so it has at most ${MAX_VOLUME_NAME} characters.`,
    },
    neverChanges("pool"),
    neverChanges("originHostname"),
    neverChanges("incarnation"),
    {
      of: "spec",
      field: ".epoch",
      rule: "self.epoch >= oldSelf.epoch",
      message: "epoch never decreases: copies of lower epochs are no longer the volume.",
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
      message: "mayCreate must have the same nodeName and epoch as the volume.",
    },
    {
      of: "spec",
      field: ".mayCreate",
      rule: "!has(self.mayCreate) || has(oldSelf.mayCreate) || self.epoch > oldSelf.epoch",
      message: "mayCreate cannot be set again in the same epoch: a volume is made only once.",
    },
    {
      of: "spec",
      field: ".fence",
      rule: "!has(self.fence) || (has(self.activeMove) && self.activeMove.uid == self.fence)",
      message: "fence must be the UID of activeMove.",
    },
    {
      of: "spec",
      field: ".reclaim",
      rule: "!oldSelf.reclaim || self.reclaim",
      message: "reclaim never becomes false again: bytes may be gone already.",
    },
  ],
};
