import { volumeCopies, volumeCopySpec, volumeCopyStatus } from "../kinds/volume-copy.ts";
import { neverChanges, type CustomKind } from "./custom-kind.ts";

export const volumeCopyKind: CustomKind = {
  resource: volumeCopies,
  description:
    "VolumeCopy lists the copies of one volume on one node, and has the agent's report on a move that is in progress. Only the agent of that node writes it. The controller deletes it when the node is gone.",
  spec: volumeCopySpec,
  specRequired: true,
  status: volumeCopyStatus,
  shortNames: ["vc"],
  columns: [
    { name: "Volume", jsonPath: ".spec.volume", type: "string" },
    { name: "Node", jsonPath: ".spec.nodeName", type: "string" },
    // A column shows one value. The copies are in order, so the last is the newest.
    { name: "State", jsonPath: ".status.copies[-1].state", type: "string" },
    { name: "Epoch", jsonPath: ".status.copies[-1].epoch", type: "integer", wide: true },
    { name: "Report", jsonPath: ".status.move.state", type: "string", wide: true },
  ],
  selectableFields: [".spec.nodeName", ".spec.volume"],
  rules: [neverChanges("volume"), neverChanges("nodeName")],
};
