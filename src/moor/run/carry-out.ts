/* Makes a planned move and follows it to its end, or undoes one. Shared by several commands. */
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import type { Connection } from "../cluster/connect.ts";
import type { ClaimName } from "../cluster/volumes.ts";
import { moorErrors } from "../errors.ts";
import { follow } from "../move/follow.ts";
import { outcomeOf, outcomeText, stateOf } from "../move/outcome.ts";
import type { RequestPlan } from "../move/request.ts";
import { rendered } from "../print/output.ts";
import type { MoorEffects } from "./effects.ts";
import type { WaitOptions } from "./options.ts";

/** Prints the outcome. Rejects when the move does not end as Done. */
export async function carryOut(
  effects: MoorEffects,
  connection: Connection,
  { claim: { name, namespace }, plan }: { readonly claim: ClaimName; readonly plan: RequestPlan },
  options: WaitOptions,
): Promise<void> {
  const { clock, signal, tell, write } = effects;
  const move = await begin(effects, connection, plan);
  if (!options.wait) {
    write(rendered(options.output, stateOf(move), outcomeText));
    return;
  }
  const stop = (): void => {
    const to = move.spec.to === undefined ? "" : ` --to ${move.spec.to}`;
    tell(
      `The move continues. To follow it again: moor move ${name} -n ${namespace}${to}. To cancel it: moor cancel ${name} -n ${namespace}`,
    );
  };
  signal.addEventListener("abort", stop, { once: true });
  const waiting = { timeoutMs: options.timeout * 1000, untilGone: false };
  const ended = await follow({ client: connection.client, clock, tell }, move, waiting, signal);
  write(rendered(options.output, outcomeOf(nameOf(move), ended), outcomeText));
}

/**
 * Deletes a VolumeMove, which undoes it: its finalizer keeps it until the volumes are where they
 * were. Prints the outcome.
 */
export async function callOff(
  effects: MoorEffects,
  { client }: Connection,
  move: Stored<VolumeMove>,
  options: WaitOptions,
): Promise<void> {
  const { clock, signal, tell, write } = effects;
  await client.delete(volumeMoves, { name: nameOf(move) }, { uid: move.metadata.uid, signal });
  if (!options.wait) {
    write(rendered(options.output, stateOf(move), (state) => `${outcomeText(state)}, is being undone`));
    return;
  }
  const waiting = { timeoutMs: options.timeout * 1000, untilGone: true };
  const ended = (await follow({ client, clock, tell }, move, waiting, signal)) ?? move;
  const { committed, target } = ended.status ?? {};
  // It was committed between the read and the deletion.
  if (committed === true) throw moorErrors.MOVE_COMMITTED({ move: nameOf(move), to: target ?? "unknown" });
  write(rendered(options.output, { ...stateOf(ended), phase: "Cancelled" }, outcomeText));
}

async function begin(
  { signal, tell }: MoorEffects,
  { client }: Connection,
  plan: RequestPlan,
): Promise<Stored<VolumeMove>> {
  if (plan.step === "follow") {
    tell(`VolumeMove ${plan.move.metadata.name} is in progress already`);
    return plan.move;
  }
  const made = await client.create(volumeMoves, plan.move, { signal });
  tell(`made VolumeMove ${made.metadata.name}`);
  if (plan.notYet !== undefined)
    tell(`It will wait: ${plan.notYet.message}. ${plan.notYet.advice} (${plan.notYet.code})`);
  return made;
}
