/*
 * Which labels steer the pods of movable volumes to their data.
 *
 * Labels are a function of where each volume is and whether it is fenced, applied to every node:
 *
 *   not fenced: `at`   on a node that holds the volume and whose hostname is not the origin's
 *               `away` on a node whose hostname is the origin's and that does not hold the volume
 *   fenced:     `away` on every node whose hostname is the origin's; `at` nowhere: no node matches
 *
 * "Every node" matters: cloned machines share a hostname. The same function repairs a changed
 * hostname label, a Node that was deleted and made again, and labels that somebody tampered with.
 *
 * A label is a hint to the scheduler. The proof of where the data is is the LocalVolume together
 * with the state on disk; the agent checks both at each publish.
 */
import { AT_PREFIX, AWAY_PREFIX } from "../../api/names.ts";

/** What of a volume decides about labels. */
export interface PlacedVolume {
  readonly name: string;
  readonly nodeName: string;
  readonly originHostname: string;
  readonly fenced: boolean;
}

/** What of a node decides about labels. */
export interface LabelledNode {
  readonly name: string;
  readonly hostname: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** The label that one volume puts on one node, if any. */
export function labelFor(volume: PlacedVolume, node: Pick<LabelledNode, "name" | "hostname">): string | undefined {
  const isOrigin = node.hostname === volume.originHostname;
  const holds = node.name === volume.nodeName && !volume.fenced;
  if (isOrigin) return holds ? undefined : AWAY_PREFIX + volume.name;
  return holds ? AT_PREFIX + volume.name : undefined;
}

/** Keys of ours that the node should have. */
export function wantedKeys(volumes: Iterable<PlacedVolume>, node: LabelledNode): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const volume of volumes) {
    const key = labelFor(volume, node);
    if (key !== undefined) keys.add(key);
  }
  return keys;
}

/**
 * The merge patch of labels that brings a node to where it should be; undefined when it is there.
 */
export function planLabels(
  volumes: Iterable<PlacedVolume>,
  node: LabelledNode,
): Readonly<Record<string, "" | null>> | undefined {
  const wanted = wantedKeys(volumes, node);
  const patch: Record<string, "" | null> = {};
  for (const key of wanted) if (node.labels[key] === undefined) patch[key] = "";
  for (const key of Object.keys(node.labels)) if (isOurs(key) && !wanted.has(key)) patch[key] = null;
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Whether a label key steers volumes. */
export function isOurs(key: string): boolean {
  return key.startsWith(AT_PREFIX) || key.startsWith(AWAY_PREFIX);
}
