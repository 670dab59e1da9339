import { Command, InvalidArgumentError, Option } from "commander";
import { bytes } from "../../kube/quantity.ts";
import type { AgentOptions } from "../../agent/options.ts";

export type AgentCommandOptions = AgentOptions & {
  readonly kubeconfig?: string | undefined;
  readonly debug: boolean;
};

interface Flags {
  readonly nodeName: string;
  readonly address?: string;
  readonly root: readonly string[];
  readonly kubeletDirectory: string;
  readonly csiDirectory?: string;
  readonly healthPort: number;
  readonly transferPort: number;
  readonly bandwidth?: number;
  readonly kubeconfig?: string;
  readonly debug: boolean;
}

const ROOT = "/var/lib/mooring";

/** `mooring agent`. */
export function agentCommand(run: (options: AgentCommandOptions) => Promise<void>): Command {
  return new Command("agent")
    .description("makes, mounts and copies the volumes of one node; runs on each node")
    .addOption(new Option("--node-name <name>", "the node it runs on").env("NODE_NAME").makeOptionMandatory())
    .addOption(new Option("--address <ip>", "where other agents reach this one").env("POD_IP"))
    .addOption(
      new Option("--root <directory>", "a host directory that is mounted here under the same path, may be repeated")
        .default([ROOT], ROOT)
        .argParser(roots),
    )
    .addOption(
      new Option("--kubelet-directory <directory>", "the kubelet's root directory")
        .default("/var/lib/kubelet")
        .argParser(directory),
    )
    .addOption(
      new Option(
        "--csi-directory <directory>",
        "where the driver's socket is (default: plugins/mooring.dev in it)",
      ).argParser(directory),
    )
    .addOption(
      new Option("--health-port <port>", "serves /health, /ready and /metrics")
        .env("HEALTH_PORT")
        .default(9898)
        .argParser(Number),
    )
    .addOption(new Option("--transfer-port <port>", "where other agents fetch copies").default(9899).argParser(Number))
    .addOption(
      new Option(
        "--bandwidth <quantity>",
        "bytes per second of all copies that leave the node, as 50Mi (default: no limit)",
      )
        .env("BANDWIDTH")
        .argParser(bandwidth),
    )
    .addOption(new Option("--kubeconfig <file>", "how to reach the API server; in a pod it is not needed"))
    .addOption(new Option("--debug", "log more").default(false))
    .action(async ({ root, csiDirectory, ...flags }: Flags) => {
      const driver = csiDirectory ?? `${flags.kubeletDirectory}/plugins/mooring.dev`;
      await run({ ...flags, roots: root, csiDirectory: driver });
    });
}

function roots(value: string, before: readonly string[]): readonly string[] {
  // Before the first --root the list has only the default, which it replaces.
  const kept = before.length === 1 && before[0] === ROOT ? [] : before;
  return [...kept, directory(value)];
}

function bandwidth(value: string): number {
  let perSecond = 0;
  try {
    perSecond = Number(bytes(value));
  } catch {
    // Reported below.
  }
  if (perSecond <= 0) throw new InvalidArgumentError("It must be an amount of bytes per second, as 50Mi.");
  return perSecond;
}

function directory(value: string): string {
  const path = value.length > 1 ? value.replace(/\/+$/, "") : value;
  const isClean = path.split("/").every((part, index) => (index === 0 ? part === "" : !["", ".", ".."].includes(part)));
  if (!isClean) throw new InvalidArgumentError("It must be an absolute path without . and .. in it.");
  return path;
}
