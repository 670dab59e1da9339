import {
  movePhase,
  NEXT_PHASES,
  volumeMoves,
  volumeMoveSpec,
  volumeMoveStatus,
  type MovePhase,
} from "../kinds/volume-move.ts";
import { neverChanges, type CustomKind, type Rule } from "./custom-kind.ts";

/** CEL for the rules below: whether the object has, or had, this field in its status. */
const has = (field: string): string => `(has(self.status) && has(self.status.${field}))`;
const had = (field: string): string => `(has(oldSelf.status) && has(oldSelf.status.${field}))`;
const isPhase = (...phases: readonly MovePhase[]): string =>
  `(${has("phase")} && self.status.phase in ${list(phases)})`;
const wasPhase = (phase: MovePhase): string => `(${had("phase")} && oldSelf.status.phase == '${phase}')`;

function list(phases: readonly MovePhase[]): string {
  return `[${phases.map((phase) => `'${phase}'`).join(", ")}]`;
}

/**
 * NEXT_PHASES as CEL. A new object has no status, because the API server drops it on create.
 */
function transitions(): string {
  const allowed = movePhase.options
    .filter((from) => NEXT_PHASES[from].length > 0)
    .map((from) => `oldSelf.status.phase == '${from}' && self.status.phase in ${list(NEXT_PHASES[from])}`);
  const onward = ["self.status.phase == oldSelf.status.phase", ...allowed].join(" || ");
  return `!${has("phase")} ? !${had("phase")} : !${had("phase")} ? self.status.phase == 'Planned' : (${onward})`;
}

const SPEC_RULES: readonly Rule[] = [
  neverChanges("volumes"),
  neverChanges("from"),
  neverChanges("reason"),
  {
    of: "spec",
    field: ".to",
    rule: "has(self.to) == has(oldSelf.to) && (!has(self.to) || self.to == oldSelf.to)",
    message: "to never changes. To move to another node, delete this VolumeMove and make a new one.",
  },
  {
    of: "spec",
    field: ".to",
    rule: "!has(self.to) || self.to != self.from",
    message: "A move goes to another node: to must differ from from.",
  },
  {
    of: "spec",
    field: ".volumes",
    rule: "self.volumes.all(one, self.volumes.exists_one(other, other.name == one.name))",
    message: "A move must name each volume only once.",
  },
];

const STATUS_RULES: readonly Rule[] = [
  {
    of: "object",
    field: ".status.phase",
    rule: transitions(),
    message: "A move begins in the phase Planned, and its phase is never removed.",
    messageExpression: "'A move does not go from ' + oldSelf.status.phase + ' to ' + self.status.phase + '.'",
  },
  {
    of: "object",
    field: ".status.committed",
    rule: `!(${had("committed")} && oldSelf.status.committed) || (${has("committed")} && self.status.committed)`,
    message: "committed never becomes false again.",
  },
  {
    of: "object",
    field: ".status.committed",
    rule: `${isPhase("Committed", "Done")} == (${has("committed")} && self.status.committed)`,
    message: "committed is true in the phases Committed and Done, and only there.",
  },
  {
    of: "object",
    field: ".status.target",
    rule: `!${isPhase("Committed", "Done")} || (${has("target")} && ${had("target")} && self.status.target == oldSelf.status.target)`,
    message: "The target of a committed move is the target that it was sealed for. It cannot change.",
  },
  {
    of: "object",
    field: ".status.sealing",
    rule: `!${had("sealing")} || (${has("sealing")} && self.status.sealing >= oldSelf.status.sealing)`,
    message: "sealing never decreases: it distinguishes the reports of this attempt from earlier ones.",
  },
  {
    of: "object",
    field: ".status.sealing",
    rule: `!${isPhase("Fenced")} || ${wasPhase("Fenced")} || (${has("sealing")} && (${had("sealing")} ? self.status.sealing > oldSelf.status.sealing : self.status.sealing > 0))`,
    message: "sealing must rise when a move enters Fenced.",
  },
];

export const volumeMoveKind: CustomKind = {
  resource: volumeMoves,
  description:
    "VolumeMove moves a group of volumes from one node to another. The controller makes one when a node is drained. An administrator or the command moor may make one at any time. The controller writes the status. To cancel a move that is not committed, delete it.",
  spec: volumeMoveSpec,
  specRequired: true,
  status: volumeMoveStatus,
  shortNames: ["vmv"],
  columns: [
    { name: "From", jsonPath: ".spec.from", type: "string" },
    { name: "To", jsonPath: ".status.target", type: "string" },
    { name: "Phase", jsonPath: ".status.phase", type: "string" },
    { name: "Progress", jsonPath: ".status.progress", type: "string" },
    { name: "ETA", jsonPath: ".status.eta", type: "string" },
    { name: "Downtime", jsonPath: ".status.downtime.ours", type: "string" },
    { name: "Message", jsonPath: ".status.message", type: "string", wide: true },
  ],
  selectableFields: [".status.phase", ".spec.from"],
  rules: [...SPEC_RULES, ...STATUS_RULES],
};
