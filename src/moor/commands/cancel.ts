import { Command } from "commander";
import { volumeMoves } from "../../api/kinds/volume-move.ts";
import { nameOf } from "../../kube/objects.ts";
import { readNamespace } from "../cluster/read.ts";
import { claimIn } from "../cluster/volumes.ts";
import { EXIT } from "../exit-codes.ts";
import { planCancel } from "../move/cancel.ts";
import { follow } from "../move/follow.ts";
import { outcomeText, stateOf } from "../move/outcome.ts";
import { rendered } from "../print/output.ts";
import { moorErrors } from "../errors.ts";
import type { MoorEffects } from "./effects.ts";
import { withNamespace, withWaiting, type WaitOptions } from "./options.ts";
import type { Run } from "./run.ts";
import { withCluster } from "./with-cluster.ts";

/** `moor cancel`. */
export function cancelCommand(run: Run): Command {
  const command = new Command("cancel")
    .description("ends the move of a claim's volume; the volume stays where it is")
    .argument("<claim>", "pvc/NAME, or NAME");
  return withWaiting(withNamespace(command)).action(async (claim: string, options: WaitOptions) => {
    await run((effects) => runCancel(effects, claim, options));
  });
}

/**
 * Deleting a VolumeMove undoes it: its finalizer keeps it until the volumes are where they were.
 */
async function runCancel(effects: MoorEffects, claim: string, options: WaitOptions): Promise<number> {
  const { clock, signal, tell, write } = effects;
  return await withCluster(effects, options, async ({ client, namespace: ofContext }) => {
    const namespace = options.namespace ?? ofContext;
    const cluster = await readNamespace({ client, clock }, namespace, signal);
    const move = planCancel(cluster, { namespace, name: claimIn(claim) });
    await client.delete(volumeMoves, { name: nameOf(move) }, { uid: move.metadata.uid, signal });
    if (!options.wait) {
      write(rendered(options.output, stateOf(move), (state) => `${outcomeText(state)}, is being undone`));
      return EXIT.done;
    }
    const waiting = { timeoutMs: options.timeout * 1000, untilGone: true };
    const ended = (await follow({ client, clock, tell }, move, waiting, signal)) ?? move;
    const { committed, target } = ended.status ?? {};
    // It was committed between our look and the deletion.
    if (committed === true) throw moorErrors.MOVE_COMMITTED({ move: nameOf(move), to: target ?? "unknown" });
    write(rendered(options.output, { ...stateOf(ended), phase: "Cancelled" }, outcomeText));
    return EXIT.done;
  });
}
