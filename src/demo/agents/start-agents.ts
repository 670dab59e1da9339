/*
 * The agents of a lab: the shipped code, one per node, in this process. (A pod of the DaemonSet
 * would need root and mounts.) These replace the machine:
 * - the node's directory for its disk;
 * - symlinks for its mounts;
 * - the lab's table of processes for the proof that nobody holds a volume;
 * - streams within the process for the network between agents.
 * The transfer engine is the shipped one.
 */
import { openDirectory, systemTrees } from "../../agent/copies/node/trees.ts";
import type { Trees } from "../../agent/copies/trees.ts";
import { isUsedBy } from "../../agent/holders/holders.ts";
import { runAgent } from "../../agent/start.ts";
import { copyEngine } from "../../agent/transfer/engine.ts";
import { DRIVER } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Random } from "../../effects/random.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import type { LabNode, MachineLab } from "../../lab/index.ts";
import { background } from "../../observe/background.ts";
import type { Log } from "../../observe/log.ts";
import { Registry } from "prom-client";
import { VERSION } from "../../observe/version.ts";
import { Hub } from "./hub.ts";
import { nodeDisk, type OnMachine } from "./node-disk.ts";
import { nodeHolders } from "./node-holders.ts";
import { NodeMounts } from "./node-mounts.ts";

/** As deploy/mooring.yaml has them. */
const ROOT = "/var/lib/mooring";
const KUBELET = "/var/lib/kubelet";
const NAMESPACE = "mooring";
const TRANSFER_PORT = 9899;

interface AgentsEffects {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly log: Log;
}

/** Starts an agent on each node. Returns the way to end them all. */
export async function startAgents(effects: AgentsEffects, lab: MachineLab): Promise<() => Promise<void>> {
  const stop = new AbortController();
  manyListeners(stop.signal);
  const hub = new Hub(effects.log);
  const running: Promise<void>[] = [];
  for (const node of lab.nodes.values()) {
    await node.files.makeDirectories(ROOT);
    running.push(background(effects.log, `agent of ${node.name}`, runOn(node, effects, lab, hub, stop.signal)));
  }
  return async () => {
    stop.abort(new Error("the lab ends"));
    await Promise.all(running);
  };
}

async function runOn(
  node: LabNode,
  effects: AgentsEffects,
  lab: MachineLab,
  hub: Hub,
  signal: AbortSignal,
): Promise<void> {
  const { csi, files, name, runtime } = node;
  const at: OnMachine = (path) => files.onMachine(path);
  const registry = new Registry();
  const mounts = new NodeMounts(at);
  const holders = nodeHolders(() => runtime.running());
  let unregister = (): void => undefined;
  try {
    await runAgent(
      {
        nodeName: name,
        address: "127.0.0.1",
        roots: [ROOT],
        kubeletDirectory: KUBELET,
        csiDirectory: `${KUBELET}/plugins/${DRIVER}`,
        healthPort: 0,
        transferPort: TRANSFER_PORT,
      },
      {
        ...effects,
        log: effects.log.child({ node: name }),
        kube: lab.api.kube(serviceAccountOf("mooring-agent")),
        disk: nodeDisk(at),
        mounts,
        binder: mounts,
        trees: nodeTrees(at),
        isUsed: async ({ podUID, target }) => isUsedBy(await holders.of(target), podUID, KUBELET),
        registry,
        metrics: new KubeMetrics(registry),
        // No health server: the lab has no probes.
        serve: () => Promise.resolve({ port: 0, close: () => Promise.resolve() }),
        // As if the agent were root: the node's files belong to the user who runs the demo.
        uid: 0,
        version: VERSION,
        fingerprints: () => [],
        moving: {
          holders,
          engine: copyEngine(),
          openDirectory: (path) => openDirectory(at(path)),
          transport: () => hub.of(name),
        },
        started: (csiNode) => {
          unregister = csi.register(DRIVER, csiNode);
        },
      },
      signal,
    );
  } finally {
    unregister();
  }
}

function nodeTrees(at: OnMachine): Trees {
  const trees = systemTrees();
  return {
    remove: (path, signal) => trees.remove(at(path), signal),
    usage: (path, signal) => trees.usage(at(path), signal),
  };
}

function serviceAccountOf(name: string) {
  return {
    name: `system:serviceaccount:${NAMESPACE}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${NAMESPACE}`, "system:authenticated"],
  };
}
