import { Command } from "commander";
import { readNamespace } from "../cluster/read.ts";
import { explainNamed } from "../explain/named.ts";
import { namedText } from "../explain/table.ts";
import { EXIT } from "../exit-codes.ts";
import { rendered } from "../print/output.ts";
import type { MoorEffects } from "../run/effects.ts";
import { withNamespace, type NamespaceOptions } from "../run/options.ts";
import type { Run } from "../run/run.ts";
import { withCluster } from "../run/with-cluster.ts";

/** `moor explain`. */
export function explainCommand(run: Run): Command {
  return withNamespace(
    new Command("explain")
      .description("shows where the volume of a claim is, what its move does, and why its pods do not run")
      .argument("<claim>", "pvc/NAME or NAME; or pod/NAME for all claims of a pod"),
  ).action(async (claim: string, options: NamespaceOptions) => {
    await run((effects) => runExplain(effects, claim, options));
  });
}

async function runExplain(effects: MoorEffects, claim: string, options: NamespaceOptions): Promise<number> {
  return await withCluster(effects, options, async ({ client, namespace: ofContext }) => {
    const namespace = options.namespace ?? ofContext;
    const cluster = await readNamespace({ client, clock: effects.clock }, namespace, effects.signal);
    effects.write(rendered(options.output, explainNamed(cluster, namespace, claim), namedText));
    return EXIT.done;
  });
}
