import { parseCommandLine } from "../../classic/settings/options.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { VERSION } from "../../observe/version.ts";
import { startClassic, type Effects } from "./start.ts";

/** What the process hands to the program. */
export interface ClassicProcess extends Omit<Effects, "log"> {
  readonly args: readonly string[];
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly log: (level: "debug" | "info") => Log;
  /** Aborted when the process is told to stop. That is logged. */
  readonly stopped: (log: Log) => AbortSignal;
}

/**
 * The drop-in for rancher/local-path-provisioner: the same command line, environment, exit codes.
 */
export async function classicMain(world: ClassicProcess): Promise<number> {
  const command = parseCommandLine(world.args, world.env, VERSION);
  switch (command.kind) {
    case "help":
    case "version":
      world.stdout(command.text);
      return 0;
    case "error":
      if (command.usage !== undefined) world.stderr(command.usage);
      world.log("info").fatal(command.message);
      return command.exitCode;
    case "start": {
      const log = world.log(command.options.debug ? "debug" : "info");
      try {
        await startClassic(command.options, { ...world, log }, world.stopped(log));
        return 0;
      } catch (error) {
        log.fatal(`Error starting daemon: ${messageOf(error)}`, { err: error });
        return 1;
      }
    }
    default:
      return command satisfies never;
  }
}
