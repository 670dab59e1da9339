import {
  movePhase,
  NEXT_PHASES,
  volumeMoves,
  volumeMoveSpec,
  volumeMoveStatus,
  type MovePhase,
} from "../kinds/volume-move.ts";
import { neverChanges, type CustomKind, type Rule } from "./custom-kind.ts";

/** In the rules below: whether the object has, or had, a status with this field. */
const has = (field: string): string => `(has(self.status) && has(self.status.${field}))`;
const had = (field: string): string => `(has(oldSelf.status) && has(oldSelf.status.${field}))`;
const isPhase = (...phases: readonly MovePhase[]): string =>
  `(${has("phase")} && self.status.phase in ${list(phases)})`;
const wasPhase = (phase: MovePhase): string => `(${had("phase")} && oldSelf.status.phase == '${phase}')`;

function list(phases: readonly MovePhase[]): string {
  return `[${phases.map((phase) => `'${phase}'`).join(", ")}]`;
}

/**
 * NEXT_PHASES as CEL. A new object has no status: the API server drops the status on create.
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
    message: "to never changes. Make another VolumeMove.",
  },
  {
    of: "spec",
    field: ".to",
    rule: "!has(self.to) || self.to != self.from",
    message: "A move leads to another node: to is not from.",
  },
  {
    of: "spec",
    field: ".volumes",
    rule: "self.volumes.all(one, self.volumes.exists_one(other, other.name == one.name))",
    message: "A move names each volume once.",
  },
];

const STATUS_RULES: readonly Rule[] = [
  {
    of: "object",
    field: ".status.phase",
    rule: transitions(),
    message: "A move begins with the phase Planned and always has a phase from then on.",
    messageExpression: "'A move does not go from ' + oldSelf.status.phase + ' to ' + self.status.phase + '.'",
  },
  {
    of: "object",
    field: ".status.committed",
    rule: `!(${had("committed")} && oldSelf.status.committed) || (${has("committed")} && self.status.committed)`,
    message: "committed is never taken back.",
  },
  {
    of: "object",
    field: ".status.committed",
    rule: `${isPhase("Committed", "Done")} == (${has("committed")} && self.status.committed)`,
    message: "committed is true in the phases Committed and Done, and in no other.",
  },
  {
    of: "object",
    field: ".status.target",
    rule: `!${isPhase("Committed", "Done")} || (${has("target")} && ${had("target")} && self.status.target == oldSelf.status.target)`,
    message: "The target of a committed move is the one that it was sealed for.",
  },
  {
    of: "object",
    field: ".status.sealing",
    rule: `!${had("sealing")} || (${has("sealing")} && self.status.sealing >= oldSelf.status.sealing)`,
    message: "sealing never falls: it tells the reports of this attempt from those of earlier ones.",
  },
  {
    of: "object",
    field: ".status.sealing",
    rule: `!${isPhase("Fenced")} || ${wasPhase("Fenced")} || (${has("sealing")} && (${had("sealing")} ? self.status.sealing > oldSelf.status.sealing : self.status.sealing > 0))`,
    message: "A move that enters Fenced raises sealing.",
  },
];

export const volumeMoveKind: CustomKind = {
  resource: volumeMoves,
  description:
    "VolumeMove moves a group of volumes from one node to another. The controller makes one when a node is drained; an administrator or the CLI may make one at any time. The controller writes the status. Deleting it cancels a move that is not committed.",
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
