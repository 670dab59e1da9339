import type { Command } from "commander";
import { cancelCommand } from "./cancel.ts";
import { explainCommand } from "./explain.ts";
import { moveCommand } from "./move.ts";
import { planCommand } from "./plan.ts";
import type { Run } from "./run.ts";
import { statusCommand } from "./status.ts";

/** The commands that talk to a cluster. */
export function clusterCommands(run: Run): readonly Command[] {
  return [explainCommand(run), statusCommand(run), moveCommand(run), cancelCommand(run), planCommand(run)];
}
