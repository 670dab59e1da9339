import type { NodeView } from "../snapshot.ts";
import { AGENT_SILENT_MS, msOf } from "../timing.ts";

/** Why the agent of a node counts as silent, such as `its agent was last seen at …`. */
export function whySilent(node: NodeView, now: number): string | undefined {
  const renewed = node.storage?.status?.renewedAt;
  const at = msOf(renewed);
  if (node.storage === undefined) return "it has no StorageNode: the mooring agent does not run there";
  if (renewed === undefined || at === undefined) return "its mooring agent has not reported yet";
  return now - at > AGENT_SILENT_MS ? `its mooring agent was last seen at ${renewed}` : undefined;
}

/**
 * The time at which the agent will count as silent if it does not report again. Before that time no
 * new plan is needed.
 */
export function silentAt(node: NodeView): number | undefined {
  const at = msOf(node.storage?.status?.renewedAt);
  return at === undefined ? undefined : at + AGENT_SILENT_MS + 1;
}

export function bootIdOf(node: NodeView | undefined): string | undefined {
  return node?.storage?.status?.bootID;
}
