import { hostname } from "node:os";
import { Command, CommanderError } from "commander";
import { systemEffects } from "../effects/node/system.ts";
import { manyListeners } from "../kube/many-listeners.ts";
import { CodedError, messageOf } from "../observe/errors.ts";
import type { Log } from "../observe/log.ts";
import { pinoLog } from "../observe/pino.ts";
import { VERSION } from "../observe/version.ts";
import { agentCommand } from "../programs/mooring/agent-options.ts";
import { controllerCommand } from "../programs/mooring/options.ts";
import { AGENT_FLAGS, CONTROLLER_FLAGS, setFlags } from "../programs/mooring/v8-flags.ts";

/** Exit code of a wrong command line. */
const USAGE = 2;

/**
 * The programs that run in the cluster. The code of a program is loaded only when that program is
 * started. So a pod that only waits takes a third less memory, and starts in half the time.
 */
async function main(): Promise<number> {
  let exitCode = 0;
  const program = new Command("mooring")
    .description("Mooring: local volumes for Kubernetes that can move")
    .version(VERSION)
    .addCommand(
      agentCommand(async (options) => {
        setFlags(AGENT_FLAGS);
        exitCode = await run(options.debug, async (effects, signal) => {
          const { startAgent } = await import("../programs/mooring/agent.ts");
          await startAgent(options, effects, signal);
        });
      }),
    )
    .addCommand(
      controllerCommand(async (options) => {
        setFlags(CONTROLLER_FLAGS);
        exitCode = await run(options.debug, async (effects, signal) => {
          const { startController } = await import("../programs/mooring/controller.ts");
          await startController(options, effects, signal);
        });
      }),
    )
    .addCommand(new Command("pause").description("waits for the end: what a keeper pod runs").action(untilStopped));
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync();
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    throw error;
  }
}

function effectsWith(log: Log) {
  return { ...systemEffects(), log, env: process.env, hostname: hostname() };
}

/** Runs until SIGTERM or SIGINT. The exit code is 1 when it could not start. */
async function run(
  debug: boolean,
  work: (effects: ReturnType<typeof effectsWith>, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const log = pinoLog({ level: debug ? "debug" : "info" });
  const stop = new AbortController();
  manyListeners(stop.signal);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      log.info("stopping", { signal });
      stop.abort(new Error("the process is to stop"));
    });
  }
  try {
    await work(effectsWith(log), stop.signal);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    const advice = error instanceof CodedError ? { code: error.code, advice: error.advice } : {};
    log.fatal(`cannot run: ${messageOf(error)}`, { ...advice, err: error });
    return 1;
  }
}

async function untilStopped(): Promise<void> {
  // A signal handler alone does not keep the process.
  const alive = setInterval(() => undefined, 2 ** 30);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  clearInterval(alive);
}

process.exit(await main());
