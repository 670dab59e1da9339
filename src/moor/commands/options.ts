import { Option, type Command } from "commander";
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
