import type { Command } from "commander";
import { cancelCommand } from "./cancel.ts";
import { drainCommand } from "./drain.ts";
import { explainCommand } from "./explain.ts";
import { moveCommand } from "./move.ts";
import { planCommand } from "./plan.ts";
import type { Run } from "../run/run.ts";
import { releaseCommand } from "./release.ts";
import { statusCommand } from "./status.ts";
import { undoCommand } from "./undo.ts";

/** The commands that talk to a cluster. */
export function clusterCommands(run: Run): readonly Command[] {
  return [
    explainCommand(run),
    statusCommand(run),
    moveCommand(run),
    cancelCommand(run),
    planCommand(run),
    drainCommand(run),
    undoCommand(run),
    releaseCommand(run),
  ];
}
