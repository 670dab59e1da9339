import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps } from "../../kube/queue/controller.ts";
import { isNotFound } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import { nodes as nodeResource, type Node } from "../../kube/kinds.ts";
import { hostnameOf } from "../../kube/nodes.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { Cached } from "../../kube/watch/store.ts";
import { planLabels, type LabelledNode, type PlacedVolume } from "./wanted.ts";

/** Indexes that the informer of LocalVolumes must have. */
export const labelIndexes = {
  byNode: ({ spec }: LocalVolume): readonly string[] => [spec.nodeName],
  byOrigin: ({ spec }: LocalVolume): readonly string[] => [spec.originHostname],
};

export interface LabelLoopDeps extends ControllerDeps {
  readonly client: KubeClient;
  readonly nodes: Informer<Node>;
  /** With the indexes of `labelIndexes`. */
  readonly volumes: Informer<LocalVolume>;
}

/** Nodes patched at once. Each patch of a Node goes to everybody who watches nodes. */
const WORKERS = 4;

/**
 * Keeps the labels of all nodes equal to the function of wanted.ts until the signal is aborted. One
 * merge patch per node carries all its changes.
 */
export async function runLabelLoop(deps: LabelLoopDeps, signal: AbortSignal): Promise<void> {
  const { client, clock, nodes, volumes } = deps;
  const queue = new WorkQueue({ clock }, { name: "labels" });
  // Volumes that exist at the start need not be looked up, because all nodes are queued then. In a
  // large cluster the look would take many seconds in one turn of the event loop, and the Lease
  // would be lost meanwhile.
  let isStart = true;
  const stops = [
    nodes.onChange(({ key, type }) => {
      if (type !== "deleted") queue.add(key);
    }),
    volumes.onChange(({ object, old }) => {
      if (isStart) return;
      for (const name of nodesOf(nodes, [object, ...(old === undefined ? [] : [old])])) queue.add(name);
    }),
  ];
  isStart = false;
  const reconcile = async (name: string, stop: AbortSignal): Promise<void> => {
    const node = nodes.store.get(name);
    if (node === undefined) return;
    const labelled = labelledNode(node);
    const patch = planLabels(volumesAbout(volumes, labelled), labelled);
    if (patch === undefined) return;
    try {
      const { uid } = node.metadata;
      const patched = await client.patchMerge(
        nodeResource,
        { name },
        { metadata: { uid, labels: patch } },
        { signal: stop },
      );
      await nodes.waitFor(patched.metadata.resourceVersion, stop);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  try {
    await runController(deps, { name: "labels", queue, workers: WORKERS, reconcile }, signal);
  } finally {
    for (const stop of stops) stop();
  }
}

/** Whether every node has the labels that a volume wants, as far as the caches know. */
export function labelsAreSet(nodes: Cached<Node>, volume: Stored<LocalVolume>): boolean {
  const placed = placedVolume(volume);
  return nodes.store.list().every((node) => {
    const labelled = labelledNode(node);
    const patch = planLabels([placed], labelled) ?? {};
    return !Object.keys(patch).some((key) => key.endsWith(`/${placed.name}`));
  });
}

export function placedVolume({ metadata, spec }: Stored<LocalVolume>): PlacedVolume {
  const { nodeName, originHostname, fence } = spec;
  return { name: metadata.name, nodeName, originHostname, fenced: fence !== undefined };
}

function labelledNode(node: Stored<Node>): LabelledNode {
  const { name, labels = {} } = node.metadata;
  return { name, hostname: hostnameOf(node), labels };
}

/** The volumes that may put a label on the node. */
function volumesAbout(volumes: Informer<LocalVolume>, node: LabelledNode): PlacedVolume[] {
  const here = volumes.store.byIndex("byNode", node.name);
  const from = node.hostname === undefined ? [] : volumes.store.byIndex("byOrigin", node.hostname);
  return [...new Set([...here, ...from])].map((volume) => placedVolume(volume));
}

/**
 * The nodes whose labels the volumes decide: those of the origin's hostname, and the one that holds
 * it.
 */
function nodesOf(nodes: Informer<Node>, volumes: readonly Stored<LocalVolume>[]): ReadonlySet<string> {
  const holders = new Set(volumes.map(({ spec }) => spec.nodeName));
  const origins = new Set(volumes.map(({ spec }) => spec.originHostname));
  const marked = new Set(volumes.map(({ metadata }) => `/${metadata.name}`));
  const found = nodes.store.list().filter((node) => {
    const hostname = hostnameOf(node);
    if (hostname !== undefined && origins.has(hostname)) return true;
    return Object.keys(node.metadata.labels ?? {}).some((key) => marked.has(key.slice(key.indexOf("/"))));
  });
  return new Set([...holders, ...found.map((node) => nameOf(node))]);
}
