import { MOVABLE } from "../product.ts";
import { drainAndMove } from "./drain-and-move.ts";
import { drainAndReturn } from "./drain-node.ts";
import { startProduct, startWorkload } from "./run-workload.ts";
import { until, type Stage } from "./stage.ts";

/**
 * Runs the story, from an empty cluster to pods that run again after a drain. Rejects with a
 * NotReached when a step does not complete in time.
 */
export async function tellStory(stage: Stage): Promise<void> {
  const { facts } = stage;
  await until(stage, "all nodes to be Ready", ({ nodes }) => (nodes.length === facts.nodes.length ? true : undefined));
  await startProduct(stage);
  await startWorkload(stage);
  await (stage.product === MOVABLE ? drainAndMove(stage) : drainAndReturn(stage));
}
