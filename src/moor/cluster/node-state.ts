import { nodeView } from "../../move/loop/views.ts";
import { whySilent } from "../../move/plan/target/agents.ts";
import { isReleased } from "../../place/stays.ts";
import type { Cluster } from "./cluster.ts";

/** The facts about a node that decide whether volumes can be used, made and moved there. */
export interface NodeState {
  readonly name: string;
  /** Whether there is a Node object. */
  readonly exists: boolean;
  readonly ready: boolean;
  /** Why it is leaving, such as `it is cordoned`. Unset: it stays. */
  readonly leaving?: string;
  /** An administrator has released it: its evictions are not held any more. */
  readonly released: boolean;
  /** Why its agent counts as silent, such as `its mooring agent was last seen at …`. */
  readonly silent?: string;
}

export function nodeState(cluster: Cluster, name: string): NodeState {
  const node = cluster.nodes.store.get(name);
  const storage = cluster.storageNodes.store.get(name);
  const view = nodeView({ name, node, storage, pools: [], arriving: new Map() });
  const silent = whySilent(view, cluster.now);
  return {
    name,
    exists: view.exists,
    ready: view.ready,
    released: node !== undefined && isReleased(node),
    ...(view.leaving === undefined ? {} : { leaving: view.leaving }),
    ...(silent === undefined ? {} : { silent }),
  };
}

/** The state in a few words, such as `Ready, cordoned`. */
export function wordsOf({ exists, leaving, ready, released }: NodeState): string {
  if (!exists) return "gone";
  const parts = [ready ? "Ready" : "NotReady"];
  if (leaving !== undefined) parts.push(leaving.replace(/^it (is|has the) /, ""));
  if (released) parts.push("released");
  return parts.join(", ");
}
