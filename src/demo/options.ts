import { Command, InvalidArgumentError, type CommanderError } from "commander";

/** What the user asked of the demo. */
export interface DemoOptions {
  /** Manifests to run instead of the built-in StatefulSet. */
  readonly files: readonly string[];
  /** Volumes that stay where they are, as local-path-provisioner makes them. */
  readonly classic: boolean;
  readonly keep: boolean;
  readonly json: boolean;
  readonly nodes: number;
  /** How long each step may take. */
  readonly timeoutMs: number;
}

const MOST_NODES = 9;

interface Given extends Omit<DemoOptions, "files" | "timeoutMs"> {
  readonly file?: readonly string[];
  readonly timeout: number;
}

/** The `demo` command. */
export function demoCommand(run: (options: DemoOptions) => Promise<void>): Command {
  return new Command("demo")
    .description("Local volumes on this machine: nodes that are directories, pods that write files, a node drain")
    .option(
      "-f, --file <file>",
      "run the objects of this manifest instead (- for standard input; may be repeated)",
      add,
    )
    .option("--nodes <n>", `how many nodes, 1 to ${String(MOST_NODES)}`, wholeNumber(1, MOST_NODES), 3)
    .option("--timeout <seconds>", "how long each step may take", wholeNumber(1, 3600), 60)
    .option("--classic", "volumes that stay where they are, as local-path-provisioner makes them", false)
    .option("--keep", "leave it running at the end, for kubectl", false)
    .option("--json", "print facts and checks as one JSON document on stdout, the timeline on stderr", false)
    .addHelpText(
      "after",
      "\nExit code: 0 all checks hold, 1 one does not, 2 it could not begin (options, manifest), 128 + signal when it was interrupted.",
    )
    .action(async ({ file = [], timeout, ...given }: Given) => {
      await run({ ...given, files: file, timeoutMs: timeout * 1000 });
    });
}

/**
 * The exit code for what commander threw: 2 for a mistake on the command line, 0 for help and
 * version.
 */
export function exitCodeOf(error: CommanderError): number {
  return error.exitCode === 0 ? 0 : 2;
}

function add(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Give a whole number from ${String(least)} to ${String(most)}.`);
    }
    return value;
  };
}
