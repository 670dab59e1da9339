import { Command, InvalidArgumentError, Option } from "commander";
import { EXIT } from "../exit-codes.ts";
import { resultText } from "../drain/run/result.ts";
import { Drain } from "../drain/run/run.ts";
import { showFor } from "../drain/show/show.ts";
import type { MoorEffects } from "../run/effects.ts";
import { bandwidth, deleteEmptydirData, nodeIn, withCommon, type CommonOptions } from "../run/options.ts";
import type { Run } from "../run/run.ts";
import { withCluster } from "../run/with-cluster.ts";

interface DrainOptions extends CommonOptions {
  readonly bandwidth?: string;
  readonly deleteEmptydirData: boolean;
  readonly force: boolean;
  readonly gracePeriod: number;
  readonly podSelector: string;
  /** Seconds; 0: for ever. */
  readonly timeout: number;
}

/** `moor drain`. */
export function drainCommand(run: Run): Command {
  const command = new Command("drain")
    .description("moves the volumes of nodes away while their pods run, then cordons the nodes and evicts the rest")
    .argument("<nodes...>", "the nodes, in the order in which to empty them")
    .addOption(
      new Option(
        "--bandwidth <quantity>",
        "highest number of bytes per second of each move, such as 20Mi; without it no limit",
      ).argParser(bandwidth),
    )
    .addOption(deleteEmptydirData())
    .addOption(new Option("--force", "also evict pods that no controller would make again").default(false))
    .addOption(
      new Option("--grace-period <seconds>", "grace period of each pod; below 0: the pod's own")
        .default(-1)
        .argParser(wholeNumber),
    )
    .addOption(
      new Option("--pod-selector <selector>", "evict only pods with these labels, and move only their volumes").default(
        "",
      ),
    )
    .addOption(
      new Option("--timeout <time>", "longest time to wait, such as 90, 90s, 5m or 1h; 0: for ever")
        .default(0)
        .argParser(duration),
    )
    // Accepted because people are used to it. Pods of DaemonSets are never evicted.
    .addOption(new Option("--ignore-daemonsets").hideHelp());
  return withCommon(command).action(async (nodes: string[], options: DrainOptions) => {
    await run((effects) => runDrain(effects, nodes, options));
  });
}

async function runDrain(effects: MoorEffects, nodes: readonly string[], options: DrainOptions): Promise<number> {
  const { clock, random, signal, tell, write } = effects;
  return await withCluster(effects, options, async ({ client }) => {
    const show = showFor(options.output, { ...effects, now: () => clock.now() });
    const drain = new Drain(
      { client, clock, random, show },
      {
        nodes: [...new Set(nodes.map((node) => nodeIn(node)))],
        filters: { deleteEmptyDirData: options.deleteEmptydirData, force: options.force },
        bandwidth: options.bandwidth,
        ...(options.podSelector === "" ? {} : { podSelector: options.podSelector }),
        ...(options.gracePeriod < 0 ? {} : { gracePeriodSeconds: options.gracePeriod }),
        ...(options.timeout === 0 ? {} : { timeoutMs: options.timeout * 1000 }),
      },
      signal,
    );
    try {
      const result = await drain.run();
      if (options.output === "table") write(`${resultText(result)}\n`);
      return EXIT.done;
    } catch (error) {
      const how = drain.howToContinue();
      if (how !== undefined) tell(how);
      throw error;
    }
  });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError("Give a whole number of seconds.");
  return value;
}

const SECONDS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600 };

function duration(text: string): number {
  const [, value, unit = ""] = /^(\d+)([smh]?)$/.exec(text) ?? [];
  if (value === undefined) throw new InvalidArgumentError("Give a time such as 90s, 5m or 1h.");
  return Number(value) * (SECONDS[unit] ?? 1);
}
