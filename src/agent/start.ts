/*
 * The agent of one node: composition. Everything that touches the world is handed in, so that the
 * lab can run it.
 *
 *   informers listed → first round over the pools → sockets open → calls are answered
 *   SIGTERM → no more calls → running ones end (5 s) → registration socket removed → driver's
 *   socket removed
 *
 * The sockets open before the first round has ended when the API server cannot be reached:
 * unpublish needs no API server.
 */
import { join } from "node:path";
import type { Registry } from "prom-client";
import { localVolumes, type LocalVolume } from "../api/kinds/local-volume.ts";
import { storagePools, type StoragePool } from "../api/kinds/storage-pool.ts";
import { volumeCopies, type VolumeCopy } from "../api/kinds/volume-copy.ts";
import { DRIVER } from "../api/names.ts";
import type { CsiNode } from "../api/csi.ts";
import { deadline, type Clock } from "../effects/clock.ts";
import type { Disk } from "../effects/disk.ts";
import type { Files } from "../effects/files.ts";
import type { Random } from "../effects/random.ts";
import { KubeClient } from "../kube/client.ts";
import { EventRecorder } from "../kube/events/event-recorder.ts";
import { Informer } from "../kube/watch/informer.ts";
import { nodes, type Node } from "../kube/kinds.ts";
import type { Kube } from "../kube/kube.ts";
import { manyListeners } from "../kube/many-listeners.ts";
import type { KubeMetrics } from "../kube/metrics.ts";
import { withRetries } from "../kube/pace/retry.ts";
import { WorkQueue } from "../kube/queue/work-queue.ts";
import { background } from "../observe/background.ts";
import { messageOf } from "../observe/errors.ts";
import type { Log } from "../observe/log.ts";
import type { ListeningServer, serveHttp } from "../observe/server.ts";
import { KeyedLock } from "../kube/queue/keyed-lock.ts";
import { OnDisk } from "./copies/on-disk.ts";
import { Purger } from "./copies/purger.ts";
import type { Trees } from "./copies/trees.ts";
import { Usage } from "./copies/usage.ts";
import { VolumeCopies } from "./copies/volume-copies.ts";
import type { Served } from "./csi/grpc-server.ts";
import { csiServices, registrationService } from "./csi/services.ts";
import { keepSockets, Socket, type SocketServer } from "./csi/sockets.ts";
import { agentErrors } from "./errors.ts";
import { Moves, type MovesDeps, type Transport } from "./moves/run.ts";
import type { Mounts } from "./mounts/mounts.ts";
import type { AgentOptions } from "./options.ts";
import { POOL_BACKOFF, ROUND, runPoolLoop } from "./pools/pool-loop.ts";
import { Pools, type AgentOnNode } from "./pools/pools.ts";
import type { Binder } from "./publish/binder.ts";
import { NodeService } from "./publish/node-service.ts";
import { Publisher } from "./publish/publisher.ts";
import { statsOf } from "./publish/stats.ts";
import { runReclaimLoop } from "./reclaim/reclaim-loop.ts";
import { runSweep, type SweepDeps } from "./sweep/sweep-loop.ts";
import { Handover } from "./transfer/passes/handover.ts";
import { runTrashLoop } from "./trash/trash-loop.ts";
import { runVolumeLoop } from "./volumes/volume-loop.ts";

/** What the agent runs on. */
export interface AgentEffects {
  /** The API server, without retries. */
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly files: Files;
  readonly disk: Disk;
  readonly mounts: Mounts;
  readonly binder: Binder;
  readonly trees: Trees;
  /** Whether a process of the pod still uses the volume. */
  readonly isUsed: SweepDeps["isUsed"];
  readonly registry: Registry;
  readonly metrics: KubeMetrics;
  readonly serve: typeof serveHttp;
  /**
   * Serves gRPC on a unix socket; undefined where whoever composes it calls the node service
   * itself.
   */
  readonly listen?: ((path: string, services: readonly Served[], log: Log) => Promise<SocketServer>) | undefined;
  /** User ID of the process. */
  readonly uid: number;
  /** Why the agent does not see the processes of its host. Undefined: it sees them. */
  readonly onlyOwnPod?: string | undefined;
  readonly version: string;
  /** SHA-256 fingerprints of the certificate with which it speaks to other agents. */
  readonly fingerprints: () => readonly string[];
  /** What moves need of the machine. Without it this node takes no part in moves. */
  readonly moving?: Moving | undefined;
  /** Called before the sockets are opened: for whoever calls the node service without gRPC. */
  readonly started?: ((node: CsiNode) => void) | undefined;
}

/** What moves need of the machine. */
export interface Moving extends Pick<MovesDeps, "holders" | "engine" | "openDirectory"> {
  /** `client` reads how other agents are reached, and what they may have. */
  readonly transport: (client: KubeClient) => Transport;
}

/** The reporter of the agent's events. */
const COMPONENT = "mooring-agent";
/** How long running calls may take when the agent ends. */
const ENDING_MS = 5_000;
/** Directory below the first root with the files that an agent hands over to the next one. */
const PASSES = ".agent-passes";
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** Runs the agent until the signal is aborted. Rejects when it cannot start. */
export async function runAgent(options: AgentOptions, effects: AgentEffects, signal: AbortSignal): Promise<void> {
  if (effects.uid !== 0) throw agentErrors.NOT_ROOT({ uid: effects.uid });
  if (effects.onlyOwnPod !== undefined) throw agentErrors.NO_HOST_PROCESSES({ why: effects.onlyOwnPod });
  manyListeners(signal);
  const { clock, kube, log, metrics, random } = effects;
  const { nodeName, kubeletDirectory } = options;
  const client = new KubeClient(withRetries(kube, effects));
  const informed = { client, clock, random, log, metrics };
  const ofNode = `spec.nodeName=${nodeName}`;
  const definitions = new Informer<StoragePool>(informed, { resource: storagePools });
  const ownNode = new Informer<Node>(informed, { resource: nodes, fieldSelector: `metadata.name=${nodeName}` });
  const copyObjects = new Informer<VolumeCopy>(informed, { resource: volumeCopies, fieldSelector: ofNode });
  const reclaimed = new Informer<LocalVolume>(informed, {
    resource: localVolumes,
    fieldSelector: "spec.reclaim=true",
  });
  const informers = [definitions, ownNode, copyObjects, reclaimed];
  const agent = await agentOnNode(options, effects);
  const poolQueue = new WorkQueue({ clock, random }, { name: "pools", metrics, ...POOL_BACKOFF });
  const pools = new Pools({
    ...informed,
    disk: effects.disk,
    nodeName,
    roots: options.roots,
    definitions: () => definitions.store.list(),
    node: () => ownNode.store.get(nodeName),
    agent,
    differs: () => {
      poolQueue.add(ROUND);
    },
  });
  const onDisk = new OnDisk({ pools, mounts: effects.mounts, kubeletDirectory });
  const queue = new WorkQueue({ clock, random }, { name: "volume-copies", metrics });
  const reclaimQueue = new WorkQueue({ clock, random }, { name: "reclaim", metrics });
  const changed = (volume: string): void => {
    queue.add(volume);
    reclaimQueue.add(volume);
    moves?.look(volume);
  };
  const usage = new Usage({
    ...effects,
    onDisk,
    counted: (volume) => {
      queue.add(volume);
    },
  });
  const usageOf = usage.of.bind(usage);
  const copies = new VolumeCopies({ client, onDisk, nodeName, usageOf });
  const locks = new KeyedLock();
  const publisher = new Publisher({ ...effects, client, pools, onDisk, copies, locks, nodeName, changed });
  const node = new NodeService({
    clock,
    publisher,
    kubeletDirectory,
    statsOf: (request) => statsOf({ ...effects, onDisk, usageOf }, request),
  });
  const sockets = socketsOf(options, effects, node, () => pools.known);
  const health = await serveHealth(options, effects, () => pools.known);
  let tellLooked = (): void => undefined;
  const firstLook = new Promise<void>((resolve) => {
    tellLooked = resolve;
  });
  const looked = (all: boolean): void => {
    tellLooked();
    if (!all) {
      moves?.lookAtHeld();
      return;
    }
    void background(
      log,
      "listing the volumes of the pools",
      onDisk.volumes().then((all) => all.forEach(changed)),
    );
  };
  const recorder = new EventRecorder(informed, { component: COMPONENT, instance: nodeName });
  const purger = new Purger({ ...effects, nodeName, onDisk, recorder });
  const shared = { ...effects, client, nodeName, onDisk, copies, copyObjects, locks, purger };
  const { moving } = effects;
  const { bootID } = agent();
  const moves =
    moving === undefined
      ? undefined
      : new Moves({
          ...shared,
          ...moving,
          random,
          bootID: bootID ?? "unknown",
          handover: handoverOf(options, effects, bootID),
          count: (copy, stop) => usage.count(copy, stop),
          bandwidth: options.bandwidth,
          transport: moving.transport(client),
        });
  const run = async (): Promise<void> => {
    await Promise.all(informers.map((informer) => informer.synced(signal)));
    const afterFirstLook = async (): Promise<void> => {
      await Promise.race([firstLook, aborted(signal)]);
      await Promise.all([
        runVolumeLoop({ ...shared, queue }, signal),
        runReclaimLoop({ ...shared, reclaimed, queue: reclaimQueue }, signal),
        usage.run(signal),
        moves?.run(signal),
        runTrashLoop(shared, signal),
        runSweep({ ...shared, unpublish: (publication) => publisher.takeOff(publication) }, signal),
      ]);
    };
    await Promise.all([
      runPoolLoop({ ...effects, pools, definitions, nodes: ownNode, queue: poolQueue, looked }, signal),
      afterFirstLook(),
    ]);
  };
  try {
    const running = [
      ...informers.map((informer) => informer.run(signal)),
      keepSockets({ ...effects }, sockets, signal),
      run().catch((error: unknown) => {
        if (!signal.aborted) throw error;
      }),
    ];
    effects.started?.(node);
    await Promise.all(running);
  } finally {
    await end(effects, node, sockets);
    poolQueue.shutDown();
    queue.shutDown();
    reclaimQueue.shutDown();
    await health?.close();
    log.info("agent stopped");
  }
}

/** Undefined: without a boot ID the next process cannot know whether it runs in the same boot. */
function handoverOf({ roots }: AgentOptions, effects: AgentEffects, bootID: string | undefined): Handover | undefined {
  const [root] = roots;
  if (bootID === undefined || root === undefined) return undefined;
  return new Handover({ ...effects, bootID, directory: join(root, PASSES) });
}

/** The driver's socket first: the kubelet calls it as soon as it sees the other one. */
function socketsOf(
  { csiDirectory, kubeletDirectory, nodeName }: AgentOptions,
  effects: AgentEffects,
  node: CsiNode,
  isReady: () => boolean,
): readonly Socket[] {
  const { listen, log, version } = effects;
  if (listen === undefined) return [];
  const endpoint = join(csiDirectory, "csi.sock");
  const registration = join(kubeletDirectory, "plugins_registry", `${DRIVER}-reg.sock`);
  const services = csiServices(node, { nodeName, version, isReady });
  const registering = registrationService(endpoint, ({ registered, error }) => {
    if (registered) log.info("the kubelet has registered the driver", { driver: DRIVER });
    else log.error("the kubelet refused to register the driver", { driver: DRIVER, why: error });
  });
  return [
    new Socket(effects, endpoint, (path) => listen(path, services, log)),
    new Socket(effects, registration, (path) => listen(path, registering, log)),
  ];
}

/**
 * Ends the calls, and then the sockets, the registration first: the kubelet calls no more from then
 * on.
 */
async function end({ clock, log }: AgentEffects, node: NodeService, sockets: readonly Socket[]): Promise<void> {
  const limit = deadline(clock, ENDING_MS);
  const late = new Promise<void>((resolve) => {
    limit.signal.addEventListener("abort", () => {
      resolve();
    });
  });
  await Promise.race([node.stop(), late]);
  for (const socket of sockets.toReversed()) {
    await background(log, "closing a socket", socket.close(limit.signal));
  }
  limit.clear();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}

async function agentOnNode(options: AgentOptions, effects: AgentEffects): Promise<() => AgentOnNode> {
  const { address, transferPort: port } = options;
  const { files, fingerprints, log, version } = effects;
  const bootID = await files.readText(BOOT_ID).catch((error: unknown) => {
    log.warn("cannot read the kernel's boot ID", { err: error });
    return undefined;
  });
  return () => ({
    ...(bootID === undefined ? {} : { bootID: bootID.trim() }),
    ...(address === undefined ? {} : { agent: { address, port, fingerprints: [...fingerprints()], version } }),
  });
}

async function serveHealth(
  { healthPort: port }: AgentOptions,
  { log, registry, serve }: AgentEffects,
  isReady: () => boolean,
): Promise<ListeningServer | undefined> {
  try {
    return await serve(
      { port, log },
      {
        "/health": () => ({ status: 200, body: "ok\n" }),
        "/ready": () =>
          isReady() ? { status: 200, body: "ok\n" } : { status: 503, body: "still looking at the pools\n" },
        "/metrics": async () => ({ status: 200, body: await registry.metrics(), contentType: registry.contentType }),
      },
    );
  } catch (error) {
    // A port that is taken keeps no pod waiting.
    log.error("cannot serve health and metrics", { port, why: messageOf(error), err: error });
    return undefined;
  }
}
