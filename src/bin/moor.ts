import { basename } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { systemEffects } from "../effects/node/system.ts";
import { CodedError, messageOf } from "../observe/errors.ts";
import { silentLog } from "../observe/log.ts";
import { VERSION } from "../observe/version.ts";
import { Interrupted, Interrupts } from "../demo/interrupts.ts";
import { demoCommand, exitCodeOf, type DemoOptions } from "../demo/options.ts";
import { printerFor } from "../demo/timeline/printer-for.ts";
import { clusterCommands } from "../moor/commands/commands.ts";
import type { MoorEffects } from "../moor/run/effects.ts";
import { exitCodeAfter } from "../moor/run/run.ts";

/** kubectl runs a program of this name as `kubectl moor`. */
const PLUGIN = "kubectl-moor";

/** The command line for people. */
async function main(): Promise<number> {
  let exitCode = 0;
  const name = basename(process.argv[1] ?? "").replace(/\.mjs$/, "") === PLUGIN ? "kubectl moor" : "moor";
  const program = new Command(name)
    .description("Mooring: local volumes for Kubernetes")
    .version(VERSION)
    .addCommand(
      demoCommand(async (options) => {
        exitCode = await demoExitCode(options);
      }),
    );
  for (const command of clusterCommands(async (work) => {
    exitCode = await exitCodeAfter(clusterEffects(), work);
  })) {
    program.addCommand(command);
  }
  for (const command of withSubcommands(program)) command.exitOverride();
  try {
    await program.parseAsync();
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(error);
    if (!(error instanceof Interrupted)) throw error;
    process.stderr.write(`\nmoor: ${error.message}\n`);
    return error.exitCode;
  }
}

async function demoExitCode(options: DemoOptions): Promise<number> {
  try {
    return await demo(options);
  } catch (error) {
    if (error instanceof Interrupted) {
      process.stderr.write(`\nmoor demo: ${error.message}; everything is removed\n`);
      return error.exitCode;
    }
    process.stderr.write(`moor demo: ${messageOf(error)}\n`);
    if (error instanceof CodedError) process.stderr.write(`${error.advice} (${error.code})\n`);
    return error instanceof CodedError ? 2 : 1;
  }
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap((one) => withSubcommands(one))];
}

function clusterEffects(): MoorEffects {
  const system = systemEffects();
  const interrupts = new Interrupts(system.clock, process, (code) => process.exit(code));
  return {
    ...system,
    log: silentLog,
    env: process.env,
    write: (output) => {
      process.stdout.write(output);
    },
    tell: (line) => {
      process.stderr.write(`${line}\n`);
    },
    terminal: terminalOf(process.stderr, process.env),
    signal: interrupts.signal,
  };
}

/** Standard error, when its lines can be written over. */
function terminalOf(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): MoorEffects["terminal"] {
  if (!stream.isTTY || env["TERM"] === "dumb") return undefined;
  return {
    write: (output) => {
      stream.write(output);
    },
    get columns() {
      return stream.columns;
    },
    get rows() {
      return stream.rows;
    },
  };
}

async function demo(options: DemoOptions): Promise<number> {
  // Agents and API servers for one command: the others start twice as fast without.
  const { runDemo } = await import("../demo/run.ts");
  const { clock, random, files } = systemEffects();
  let cleanUp = (): void => undefined;
  // However this process ends, but for SIGKILL: nothing is left.
  process.once("exit", () => {
    cleanUp();
  });
  const interrupts = new Interrupts(clock, process, (code) => process.exit(code));
  return await runDemo(options, {
    clock,
    random,
    files,
    log: silentLog,
    printer: printerFor(options.json ? process.stderr : process.stdout, process.env),
    interrupts,
    manifests: fileURLToPath(new URL("../deploy", import.meta.url)),
    programs: {
      mooring: fileURLToPath(new URL("mooring.mjs", import.meta.url)),
      "local-path-provisioner": fileURLToPath(new URL("local-path-provisioner.mjs", import.meta.url)),
    },
    readInput: () => text(process.stdin),
    write: (output) => {
      process.stdout.write(output);
    },
    onAbandon: (how) => {
      cleanUp = how;
    },
  });
}

// Whoever reads the output may leave early; that ends the process, and it cleans up.
for (const stream of [process.stdout, process.stderr]) stream.once("error", () => process.exit(1));

const exitCode = await main();
// All that was to be ended has been; what else may hold this process (a pipe that a container's
// grandchild has) is not waited for.
for (const stream of [process.stdout, process.stderr])
  await new Promise<void>((resolve) => stream.write("", () => resolve()));
process.exit(exitCode);
