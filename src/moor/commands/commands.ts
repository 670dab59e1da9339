import type { Command } from "commander";
import type { MoorEffects } from "./effects.ts";
import { explainCommand } from "./explain.ts";
import { statusCommand } from "./status.ts";

/** Runs one command: hands it the effects and takes its exit code. */
export type Run = (work: (effects: MoorEffects) => Promise<number>) => Promise<void>;

/** The commands that talk to a cluster. */
export function clusterCommands(run: Run): readonly Command[] {
  return [explainCommand(run), statusCommand(run)];
}
