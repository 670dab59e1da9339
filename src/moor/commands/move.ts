import { Command, Option } from "commander";
import { volumeMoves } from "../../api/kinds/volume-move.ts";
import type { Stored } from "../../kube/objects.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Connection } from "../cluster/connect.ts";
import { readNamespace } from "../cluster/read.ts";
import { claimIn } from "../cluster/volumes.ts";
import { EXIT } from "../exit-codes.ts";
import { follow } from "../move/follow.ts";
import { outcomeOf, outcomeText, stateOf } from "../move/outcome.ts";
import { planRequest, type RequestPlan } from "../move/request.ts";
import { rendered } from "../print/output.ts";
import type { MoorEffects } from "./effects.ts";
import { bandwidth, withNamespace, withWaiting, type WaitOptions } from "./options.ts";
import type { Run } from "./run.ts";
import { withCluster } from "./with-cluster.ts";

interface MoveOptions extends WaitOptions {
  readonly to?: string;
  readonly bandwidth?: string;
}

/** `moor move`. */
export function moveCommand(run: Run): Command {
  const command = new Command("move")
    .description("moves the volume of a claim, with all volumes of its pods, to another node")
    .argument("<claim>", "pvc/NAME, or NAME")
    .addOption(new Option("--to <node>", "where to; else Mooring chooses"))
    .addOption(
      new Option("--bandwidth <quantity>", "bytes per second at most, as 20Mi; else no limit").argParser(bandwidth),
    );
  return withWaiting(withNamespace(command)).action(async (claim: string, options: MoveOptions) => {
    await run((effects) => runMove(effects, claim, options));
  });
}

async function runMove(effects: MoorEffects, claim: string, options: MoveOptions): Promise<number> {
  const { clock, random, signal, tell, write } = effects;
  return await withCluster(effects, options, async (connection) => {
    const namespace = options.namespace ?? connection.namespace;
    const cluster = await readNamespace({ client: connection.client, clock }, namespace, signal);
    const request = { namespace, name: claimIn(claim), to: options.to, bandwidth: options.bandwidth };
    const plan = planRequest(cluster, request, random.uuid().slice(0, 8));
    const move = await begin(effects, connection, plan);
    if (!options.wait) {
      write(rendered(options.output, stateOf(move), outcomeText));
      return EXIT.done;
    }
    const stop = (): void => {
      tell(
        `The move goes on. To follow it again: moor move ${request.name} -n ${namespace}. To end it: moor cancel ${request.name} -n ${namespace}`,
      );
    };
    signal.addEventListener("abort", stop, { once: true });
    const waiting = { timeoutMs: options.timeout * 1000, untilGone: false };
    const ended = await follow({ client: connection.client, clock, tell }, move, waiting, signal);
    write(rendered(options.output, outcomeOf(move.metadata.name, ended), outcomeText));
    return EXIT.done;
  });
}

async function begin(
  { signal, tell }: MoorEffects,
  { client }: Connection,
  plan: RequestPlan,
): Promise<Stored<VolumeMove>> {
  if (plan.step === "follow") {
    tell(`VolumeMove ${plan.move.metadata.name} is under way already`);
    return plan.move;
  }
  const made = await client.create(volumeMoves, plan.move, { signal });
  tell(`made VolumeMove ${made.metadata.name}`);
  if (plan.notYet !== undefined)
    tell(`It will wait: ${plan.notYet.message}. ${plan.notYet.advice} (${plan.notYet.code})`);
  return made;
}
