import { Command, Option } from "commander";
import { RELEASE_ANNOTATION } from "../../api/names.ts";
import { nodes } from "../../kube/kinds.ts";
import { readCluster } from "../cluster/read.ts";
import { moorErrors } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { rendered } from "../print/output.ts";
import { planRelease } from "../release/plan.ts";
import { releaseText } from "../release/table.ts";
import type { MoorEffects } from "../run/effects.ts";
import { nodeIn, withCommon, type CommonOptions } from "../run/options.ts";
import type { Run } from "../run/run.ts";
import { withCluster } from "../run/with-cluster.ts";

interface ReleaseOptions extends CommonOptions {
  readonly yes: boolean;
  readonly undo: boolean;
}

/** `moor release`. */
export function releaseCommand(run: Run): Command {
  const command = new Command("release")
    .description("ends every hold on a node: its pods are evicted, and the data of their volumes stays on it")
    .argument("<node>", "the node to release")
    .addOption(new Option("--yes", "do it; without it, only show what it means").default(false))
    .addOption(new Option("--undo", "end the release: drains of the node wait for its data again").default(false));
  return withCommon(command).action(async (node: string, options: ReleaseOptions) => {
    await run((effects) => runRelease(effects, node, options));
  });
}

async function runRelease(effects: MoorEffects, argument: string, options: ReleaseOptions): Promise<number> {
  const { clock, signal, tell, write } = effects;
  const { output, undo, yes } = options;
  return await withCluster(effects, options, async ({ client }) => {
    const node = nodeIn(argument);
    const plan = planRelease(await readCluster({ client, clock }, signal), node);
    const isWanted = !undo;
    if (isWanted && !plan.node.released && !yes) {
      write(rendered(output, plan, releaseText));
      throw moorErrors.RELEASE_UNCONFIRMED({ node, volumes: plan.volumes.length });
    }
    if (isWanted !== plan.node.released) {
      const annotations = { [RELEASE_ANNOTATION]: isWanted ? "true" : null };
      await client.patchMerge(nodes, { name: node }, { metadata: { annotations } }, { signal });
    }
    write(rendered(output, { ...plan, node: { ...plan.node, released: isWanted } }, releaseText));
    tell(
      isWanted
        ? `Nothing holds node ${node} any more. Before the node is used again, end the release: moor release ${node} --undo`
        : `Drains of node ${node} wait for its data again.`,
    );
    return EXIT.done;
  });
}
