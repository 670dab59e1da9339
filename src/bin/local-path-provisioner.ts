import { hostname } from "node:os";
import { parseCommandLine } from "../classic/settings/options.ts";
import { systemEffects } from "../effects/node/system.ts";
import { manyListeners } from "../kube/many-listeners.ts";
import { messageOf } from "../observe/errors.ts";
import { pinoLog } from "../observe/pino.ts";
import { startClassic } from "../programs/classic/start.ts";
import { VERSION } from "../observe/version.ts";

/**
 * The drop-in for rancher/local-path-provisioner: the same command line, environment, exit codes.
 */
async function main(): Promise<number> {
  const command = parseCommandLine(process.argv.slice(2), process.env, VERSION);
  switch (command.kind) {
    case "help":
    case "version":
      process.stdout.write(command.text);
      return 0;
    case "error":
      if (command.usage !== undefined) process.stderr.write(command.usage);
      pinoLog({ level: "info" }).fatal(command.message);
      return command.exitCode;
    case "start": {
      const log = pinoLog({ level: command.options.debug ? "debug" : "info" });
      const stop = new AbortController();
      // Every informer, queue and request listens to it.
      manyListeners(stop.signal);
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        process.once(signal, () => {
          log.info(`Receive ${signal === "SIGINT" ? "interrupt" : "terminated"} to exit`, { signal });
          stop.abort(new Error("the process is to stop"));
        });
      }
      const effects = { ...systemEffects(), log };
      try {
        await startClassic(command.options, { ...effects, env: process.env, hostname: hostname() }, stop.signal);
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

process.exit(await main());
