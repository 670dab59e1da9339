import { Command } from "commander";
import { readCluster } from "../cluster/read.ts";
import { EXIT } from "../exit-codes.ts";
import { rendered } from "../print/output.ts";
import { status } from "../status/status.ts";
import { statusText } from "../status/table.ts";
import type { MoorEffects } from "../run/effects.ts";
import { withCommon, type CommonOptions } from "../run/options.ts";
import type { Run } from "../run/run.ts";
import { withCluster } from "../run/with-cluster.ts";

/** `moor status`. */
export function statusCommand(run: Run): Command {
  return withCommon(
    new Command("status").description("shows the nodes with their pools and volumes, and the moves in progress"),
  ).action(async (options: CommonOptions) => {
    await run((effects) => runStatus(effects, options));
  });
}

async function runStatus(effects: MoorEffects, options: CommonOptions): Promise<number> {
  return await withCluster(effects, options, async ({ client }) => {
    const cluster = await readCluster({ client, clock: effects.clock }, effects.signal);
    effects.write(rendered(options.output, status(cluster), statusText));
    return EXIT.done;
  });
}
