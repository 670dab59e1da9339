import { Command } from "commander";
import { readCluster } from "../cluster/read.ts";
import { planDrain, podsToTry } from "../drain/plan.ts";
import { drainPlanText } from "../drain/table.ts";
import { tryEvictions } from "../drain/try-evictions.ts";
import { EXIT } from "../exit-codes.ts";
import { rendered } from "../print/output.ts";
import type { MoorEffects } from "../run/effects.ts";
import { nodeIn, withCommon, type CommonOptions } from "../run/options.ts";
import type { Run } from "../run/run.ts";
import { withCluster } from "../run/with-cluster.ts";

/** `moor plan`, with `drain` below it. */
export function planCommand(run: Run): Command {
  const drain = withCommon(
    new Command("drain")
      .description("shows which volumes would move to which nodes, how many bytes, and what blocks it; changes nothing")
      .argument("<node>", "the node that would be drained"),
  ).action(async (node: string, options: CommonOptions) => {
    await run((effects) => runPlanDrain(effects, node, options));
  });
  return new Command("plan").description("shows what a command would do, without doing it").addCommand(drain);
}

async function runPlanDrain(effects: MoorEffects, node: string, options: CommonOptions): Promise<number> {
  const { clock, signal, tell, write } = effects;
  return await withCluster(effects, options, async ({ client }) => {
    const name = nodeIn(node);
    const cluster = await readCluster({ client, clock }, signal);
    const { refused, unknown } = await tryEvictions(client, podsToTry(cluster, name), signal);
    if (unknown !== undefined) tell(`disruption budgets were not checked: ${unknown}`);
    const plan = planDrain(cluster, name, refused);
    write(rendered(options.output, plan, drainPlanText));
    return plan.blocked ? EXIT.blocked : EXIT.done;
  });
}
