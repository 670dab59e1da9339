import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { systemClock } from "../effects/node/clock.ts";
import { systemFiles } from "../effects/node/files.ts";
import { systemRandom } from "../effects/node/random.ts";
import { CodedError, messageOf } from "../observe/errors.ts";
import { silentLog } from "../observe/log.ts";
import { VERSION } from "../observe/version.ts";
import { Interrupted, Interrupts } from "../demo/interrupts.ts";
import { demoCommand, exitCodeOf, type DemoOptions } from "../demo/options.ts";
import { runDemo } from "../demo/run.ts";
import { printerFor } from "../demo/timeline/printer-for.ts";

/** The command line for people. So far it has one command. */
async function main(): Promise<number> {
  let exitCode = 0;
  const program = new Command("moor")
    .description("Mooring: local volumes for Kubernetes")
    .version(VERSION)
    .addCommand(
      demoCommand(async (options) => {
        exitCode = await demo(options);
      }),
    );
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync();
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(error);
    if (error instanceof Interrupted) {
      process.stderr.write(`\nmoor demo: ${error.message}; everything is removed\n`);
      return error.exitCode;
    }
    process.stderr.write(`moor demo: ${messageOf(error)}\n`);
    if (error instanceof CodedError) process.stderr.write(`${error.advice} (${error.code})\n`);
    return error instanceof CodedError ? 2 : 1;
  }
}

async function demo(options: DemoOptions): Promise<number> {
  const clock = systemClock();
  let cleanUp = (): void => undefined;
  // However this process ends, but for SIGKILL: nothing is left.
  process.once("exit", () => {
    cleanUp();
  });
  const interrupts = new Interrupts(clock, process, (code) => process.exit(code));
  return await runDemo(options, {
    clock,
    random: systemRandom(),
    files: systemFiles(),
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
