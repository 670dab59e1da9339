import { InvalidArgumentError, Option, type Command } from "commander";
import { quantity } from "../../api/kinds/fields.ts";
import { bytes } from "../../kube/quantity.ts";
import type { Access } from "../cluster/connect.ts";
import { FORMATS, type Format } from "../print/output.ts";

/** The options of every command. */
export interface CommonOptions extends Access {
  readonly output: Format;
}

export interface NamespaceOptions extends CommonOptions {
  /** Unset: the namespace of the context. */
  readonly namespace?: string;
}

/** The name in `node/NAME` or `NAME`, the forms that kubectl takes. */
export function nodeIn(argument: string): string {
  return argument.replace(/^(nodes?|no)\//, "");
}

/** Adds the options of every command. */
export function withCommon(command: Command): Command {
  return command
    .addOption(new Option("-o, --output <format>", "format of the output").choices(FORMATS).default("table"))
    .addOption(new Option("--kubeconfig <file>", "as in kubectl"))
    .addOption(new Option("--context <name>", "as in kubectl"));
}

/** Adds the options of commands about a claim. */
export function withNamespace(command: Command): Command {
  return withCommon(command).addOption(
    new Option("-n, --namespace <name>", "namespace of the claim; without it that of the context"),
  );
}

export interface WaitOptions extends NamespaceOptions {
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout: number;
}

/** Adds the options of commands that start work in the cluster. */
export function withWaiting(command: Command): Command {
  return command
    .addOption(
      new Option("--wait [yes]", "wait until the move has ended, and show its progress")
        .default(true)
        .argParser(yesOrNo),
    )
    .addOption(new Option("--timeout <seconds>", "longest time to wait").default(3600).argParser(seconds));
}

/** For commands that evict pods. */
export function deleteEmptydirData(): Option {
  return new Option("--delete-emptydir-data", "also evict pods with an emptyDir, whose data is lost").default(false);
}

/** Checks that the text is a quantity above zero, and returns it unchanged. */
export function bandwidth(text: string): string {
  if (quantity.safeParse(text).success && bytes(text) > 0n) return text;
  throw new InvalidArgumentError("Give an amount of bytes per second, such as 20Mi.");
}

function yesOrNo(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new InvalidArgumentError("Give true or false.");
}

function seconds(text: string): number {
  const value = Number(text.replace(/s$/, ""));
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Give a whole number of seconds.");
  return value;
}
