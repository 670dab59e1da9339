import { drainAndReturn } from "./drain-node.ts";
import { startProduct, startWorkload } from "./run-workload.ts";
import { until, type Stage } from "./stage.ts";

/** From an empty cluster to pods that are back after a drain. Rejects with a NotReached where it is stuck. */
export async function tellStory(stage: Stage): Promise<void> {
  const { facts } = stage;
  await until(stage, "all nodes to be Ready", ({ nodes }) => (nodes.length === facts.nodes.length ? true : undefined));
  await startProduct(stage);
  await startWorkload(stage);
  await drainAndReturn(stage);
}
