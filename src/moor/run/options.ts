import { InvalidArgumentError, Option, type Command } from "commander";
import { quantity } from "../../api/kinds/fields.ts";
import { bytes } from "../../kube/quantity.ts";
import type { Access } from "../cluster/connect.ts";
import { FORMATS, type Format } from "../print/output.ts";

/** What every command takes. */
export interface CommonOptions extends Access {
  readonly output: Format;
}

export interface NamespaceOptions extends CommonOptions {
  /** Unset: the context's. */
  readonly namespace?: string;
}

/** `node/NAME` or the bare name, as kubectl takes them. */
export function nodeIn(argument: string): string {
  return argument.replace(/^(nodes?|no)\//, "");
}

/** Adds what every command takes. */
export function withCommon(command: Command): Command {
  return command
    .addOption(new Option("-o, --output <format>", "how to print it").choices(FORMATS).default("table"))
    .addOption(new Option("--kubeconfig <file>", "as in kubectl"))
    .addOption(new Option("--context <name>", "as in kubectl"));
}

/** Adds what commands about a claim take. */
export function withNamespace(command: Command): Command {
  return withCommon(command).addOption(new Option("-n, --namespace <name>", "where the claim is; else the context's"));
}

export interface WaitOptions extends NamespaceOptions {
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout: number;
}

/** Adds what commands take that begin something in the cluster. */
export function withWaiting(command: Command): Command {
  return command
    .addOption(
      new Option("--wait [yes]", "wait until it has ended, and show how far it is").default(true).argParser(yesOrNo),
    )
    .addOption(new Option("--timeout <seconds>", "how long to wait at most").default(3600).argParser(seconds));
}

/** A quantity above zero, as it was written. */
export function bandwidth(text: string): string {
  if (quantity.safeParse(text).success && bytes(text) > 0n) return text;
  throw new InvalidArgumentError("Give an amount of bytes per second, as 20Mi.");
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
