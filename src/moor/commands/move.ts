import { Command, Option } from "commander";
import { readNamespace } from "../cluster/read.ts";
import { claimIn } from "../cluster/volumes.ts";
import { EXIT } from "../exit-codes.ts";
import { planRequest } from "../move/request.ts";
import { carryOut } from "../run/carry-out.ts";
import type { MoorEffects } from "../run/effects.ts";
import { bandwidth, deleteEmptydirData, withNamespace, withWaiting, type WaitOptions } from "../run/options.ts";
import type { Run } from "../run/run.ts";
import { withCluster } from "../run/with-cluster.ts";

interface MoveOptions extends WaitOptions {
  readonly to?: string;
  readonly bandwidth?: string;
  readonly deleteEmptydirData: boolean;
}

/** `moor move`. */
export function moveCommand(run: Run): Command {
  const command = new Command("move")
    .description("moves the volume of a claim, with all volumes of its pods, to another node")
    .argument("<claim>", "pvc/NAME, or NAME")
    .addOption(new Option("--to <node>", "the node to move to; without it Mooring chooses"))
    .addOption(
      new Option(
        "--bandwidth <quantity>",
        "highest number of bytes per second, such as 20Mi; without it no limit",
      ).argParser(bandwidth),
    )
    .addOption(deleteEmptydirData());
  return withWaiting(withNamespace(command)).action(async (claim: string, options: MoveOptions) => {
    await run((effects) => runMove(effects, claim, options));
  });
}

async function runMove(effects: MoorEffects, claim: string, options: MoveOptions): Promise<number> {
  const { clock, random, signal } = effects;
  return await withCluster(effects, options, async (connection) => {
    const namespace = options.namespace ?? connection.namespace;
    const cluster = await readNamespace({ client: connection.client, clock }, namespace, signal);
    const { bandwidth: limit, deleteEmptydirData: deleteEmptyDirData, to } = options;
    const request = { namespace, name: claimIn(claim), to, bandwidth: limit, deleteEmptyDirData };
    const plan = planRequest(cluster, request, random.uuid().slice(0, 8));
    await carryOut(effects, connection, { plan, claim: request }, options);
    return EXIT.done;
  });
}
