import { Command } from "commander";
import { readNamespace } from "../cluster/read.ts";
import { EXIT } from "../exit-codes.ts";
import { findUndoable, planUndo } from "../undo/plan.ts";
import { callOff, carryOut } from "../run/carry-out.ts";
import type { MoorEffects } from "../run/effects.ts";
import { deleteEmptydirData, withNamespace, withWaiting, type WaitOptions } from "../run/options.ts";
import type { Run } from "../run/run.ts";
import { withCluster } from "../run/with-cluster.ts";

interface UndoOptions extends WaitOptions {
  readonly deleteEmptydirData: boolean;
}

/** `moor undo`. */
export function undoCommand(run: Run): Command {
  const command = new Command("undo")
    .description("undoes the last move of a claim's volume: ends it before the commit, moves the volume back after it")
    .argument("<claim-or-move>", "pvc/NAME, volumemove/NAME, or NAME")
    .addOption(deleteEmptydirData());
  return withWaiting(withNamespace(command)).action(async (argument: string, options: UndoOptions) => {
    await run((effects) => runUndo(effects, argument, options));
  });
}

async function runUndo(effects: MoorEffects, argument: string, options: UndoOptions): Promise<number> {
  const { clock, random, signal, tell } = effects;
  return await withCluster(effects, options, async (connection) => {
    const { client } = connection;
    const namespace = options.namespace ?? connection.namespace;
    const here = await readNamespace({ client, clock }, namespace, signal);
    const { claim, move } = findUndoable(here, namespace, argument);
    const isHere = claim.namespace === namespace;
    const cluster = isHere ? here : await readNamespace({ client, clock }, claim.namespace, signal);
    const named = move === undefined ? undefined : cluster.moves.store.get(move.metadata.name);
    const asked = { ...claim, deleteEmptyDirData: options.deleteEmptydirData };
    const plan = planUndo(cluster, asked, random.uuid().slice(0, 8), named);
    if (plan.step === "delete") {
      await callOff(effects, connection, plan.move, options);
      return EXIT.done;
    }
    tell(
      `The copy on node ${plan.from} is the volume. The older copy on node ${plan.to} lacks the later writes. So the volume moves back to node ${plan.to}, with its data as it is now.`,
    );
    await carryOut(effects, connection, plan, options);
    return EXIT.done;
  });
}
