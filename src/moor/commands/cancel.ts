import { Command } from "commander";
import { readNamespace } from "../cluster/read.ts";
import { claimIn } from "../cluster/volumes.ts";
import { EXIT } from "../exit-codes.ts";
import { planCancel } from "../move/cancel.ts";
import { callOff } from "../run/carry-out.ts";
import type { MoorEffects } from "../run/effects.ts";
import { withNamespace, withWaiting, type WaitOptions } from "../run/options.ts";
import type { Run } from "../run/run.ts";
import { withCluster } from "../run/with-cluster.ts";

/** `moor cancel`. */
export function cancelCommand(run: Run): Command {
  const command = new Command("cancel")
    .description("ends the move of a claim's volume; the volume stays where it is")
    .argument("<claim>", "pvc/NAME, or NAME");
  return withWaiting(withNamespace(command)).action(async (claim: string, options: WaitOptions) => {
    await run((effects) => runCancel(effects, claim, options));
  });
}

async function runCancel(effects: MoorEffects, claim: string, options: WaitOptions): Promise<number> {
  const { clock, signal } = effects;
  return await withCluster(effects, options, async (connection) => {
    const namespace = options.namespace ?? connection.namespace;
    const cluster = await readNamespace({ client: connection.client, clock }, namespace, signal);
    await callOff(effects, connection, planCancel(cluster, { namespace, name: claimIn(claim) }), options);
    return EXIT.done;
  });
}
