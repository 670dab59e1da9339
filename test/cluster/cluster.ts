import { cp } from "node:fs/promises";
import { join } from "node:path";
import { ApiClient } from "./api.ts";
import { createBareNode, NOT_READY_TAINT, removeTaint } from "./bare-node.ts";
import { ensureBinaries, type Binaries, type Log } from "./binaries.ts";
import { ControlPlane, type ControlPlaneOptions } from "./control-plane.ts";
import { keepRunning } from "./keep-running.ts";
import { claimIdentity, orphanedClusters, type ClusterIdentity } from "./identity.ts";
import { baseImages } from "./images.ts";
import { clusterEnvironment } from "./namespaces.ts";
import { Node } from "./node.ts";
import type { ManagedProcess } from "./process.ts";
import { run, type RunOptions, type RunResult } from "./run.ts";
import { tearDown } from "./teardown.ts";
import { waitFor } from "./wait.ts";
import { startWatchdog, type Watchdog } from "./watchdog.ts";

/** What cluster to start. */
export interface ClusterOptions extends ControlPlaneOptions {
  /**
   * Nodes with containerd, kubelet and real containers, named node-1, node-2, …; 3 when not given.
   */
  readonly nodes?: number;
  /**
   * Node objects with nothing behind them, named bare-1, bare-2, …; none when not given. With any,
   * the controller manager runs without its node lifecycle controller, which would find that they
   * do not answer.
   */
  readonly bareNodes?: number;
  /** More names for the busybox image; pods that name an image that no node has cannot run. */
  readonly busyboxImages?: readonly string[];
  /** A directory that the logs of all components are copied to when the cluster is taken down. */
  readonly keepLogs?: string;
  /** Hears what is being done; silent when not given. */
  readonly log?: Log;
}

/** A real Kubernetes on this machine, in namespaces of its own. Whoever started it closes it. */
export class Cluster {
  readonly id: string;
  /**
   * Holds every file of the cluster; gone after close(). Component logs are in `logs/` below it.
   */
  readonly directory: string;
  /** The admin's kubeconfig; works from the network of this machine as it is. */
  readonly kubeconfig: string;
  readonly api: ApiClient;
  /** The nodes that run containers. */
  readonly nodes: readonly Node[];
  /** Names of the nodes that are only objects. */
  readonly bareNodes: readonly string[];
  readonly apiserver: ManagedProcess;
  readonly controllerManager: ManagedProcess;
  readonly scheduler: ManagedProcess;
  readonly #identity: ClusterIdentity;
  readonly #binaries: Binaries;
  readonly #plane: ControlPlane;
  readonly #close: () => Promise<void>;
  #closing: Promise<void> | undefined;

  /** Use startCluster(). */
  constructor(parts: {
    identity: ClusterIdentity;
    binaries: Binaries;
    plane: ControlPlane;
    close: () => Promise<void>;
    api: ApiClient;
    nodes: readonly Node[];
    bareNodes: readonly string[];
  }) {
    this.id = parts.identity.id;
    this.directory = parts.identity.directory;
    this.kubeconfig = parts.plane.kubeconfig;
    this.api = parts.api;
    this.nodes = parts.nodes;
    this.bareNodes = parts.bareNodes;
    this.apiserver = parts.plane.apiserver;
    this.controllerManager = parts.plane.controllerManager;
    this.scheduler = parts.plane.scheduler;
    this.#identity = parts.identity;
    this.#binaries = parts.binaries;
    this.#plane = parts.plane;
    this.#close = parts.close;
  }

  /** The node of this name. */
  node(name: string): Node {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined)
      throw new Error(`no node is called ${name}; there are ${this.nodes.map((n) => n.name).join(", ")}`);
    return found;
  }

  /**
   * Loses every packet between two nodes, also those of their pods, in both directions; a restart
   * does not mend it.
   */
  async cutNodes(a: string, b: string): Promise<void> {
    await this.node(a).cut(this.node(b));
    await this.node(b).cut(this.node(a));
  }

  /** Ends cutNodes(). */
  async healNodes(a: string, b: string): Promise<void> {
    await this.node(a).heal(this.node(b));
    await this.node(b).heal(this.node(a));
  }

  /** The start of a kubectl command line for this cluster. */
  get kubectlArgv(): readonly string[] {
    return [join(this.#binaries.componentsDirectory, "components"), "kubectl", `--kubeconfig=${this.kubeconfig}`];
  }

  /** Runs kubectl. */
  async kubectl(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await run([...this.kubectlArgv, ...args], { env: this.environment, ...options });
  }

  /** An environment for programs that belong to this cluster: they die with it at the latest. */
  get environment(): Readonly<Record<string, string>> {
    return clusterEnvironment(this.#identity);
  }

  /**
   * The start of a command line that runs inside the network of the control plane, where the API
   * server is at https://10.77.0.1 and every pod can be reached; the command sees the file system
   * of the machine.
   */
  get insideArgv(): readonly string[] {
    return this.#plane.namespaces.enter(["net"]);
  }

  /** For the report of a failed test: what runs of the control plane, and the end of each log. */
  async condition(): Promise<string> {
    const parts = this.#plane.components.map(
      async (component) =>
        `${component.name} ${component.running ? "runs" : "does not run"}; the end of its log:\n${await component.logTail(8)}`,
    );
    return (await Promise.all(parts)).join("\n");
  }

  /** Waits until these nodes (all when not given) are Ready and take pods. */
  async waitForNodes(
    names: readonly string[] = this.nodes.map((node) => node.name),
    timeoutMs = 300_000,
  ): Promise<void> {
    for (const name of names) await waitForNode(this.api, name, timeoutMs);
  }

  /** Takes everything down; the second call waits for the first. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Starts a cluster and waits until it is ready for work. Builds what is missing first, which may
 * take ten minutes.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  if (process.getuid?.() !== 0) throw new Error("the test cluster makes namespaces and mounts: run it as root");
  const log = options.log ?? (() => undefined);
  const names = numbered("node", options.nodes ?? 3);
  const bareNames = numbered("bare", options.bareNodes ?? 0);
  if (names.length > 200) throw new Error("at most 200 nodes: each has a number in the last byte of its address");
  for (const orphan of await orphanedClusters()) {
    log(`removing what is left of cluster ${orphan.id}, whose runner is gone`);
    await tearDown(orphan);
  }
  const binaries = await ensureBinaries(log, { containers: names.length > 0 });
  const images = names.length > 0 ? await baseImages(options.busyboxImages) : [];

  const identity = await claimIdentity();
  const watchdog = startWatchdog(identity);
  let api: ApiClient | undefined;
  let letEnd = (): void => undefined;
  const close = async (): Promise<void> => {
    letEnd();
    await closeAll({ identity, watchdog, api, keepLogs: options.keepLogs });
  };
  try {
    log(`starting cluster ${identity.id}`);
    const started = performance.now();
    const plane = await ControlPlane.prepare(identity, binaries, names, withBareNodes(options));
    api = await ApiClient.fromKubeconfig(plane.kubeconfig);
    const nodes = names.map((name, index) => new Node(identity, binaries, plane, name, index + 1));
    await startAll(plane, api, nodes, images);
    for (const [index, name] of bareNames.entries()) await createBareNode(api, name, index);
    for (const node of nodes) {
      await waitForNode(api, node.name, 300_000, bareNames.length > 0);
    }
    await waitForServiceAccount(plane, api);
    letEnd = keepRunning(plane.components, log);
    log(`cluster ${identity.id} is ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return new Cluster({ identity, binaries, plane, close, api, nodes, bareNodes: bareNames });
  } catch (error) {
    await close();
    throw error;
  }
}

/** Control plane and nodes come up side by side: containerd starts while the API server does. */
async function startAll(
  plane: ControlPlane,
  api: ApiClient,
  nodes: readonly Node[],
  images: readonly string[],
): Promise<void> {
  await plane.etcd.start();
  await plane.apiserver.start();
  const ready = startOnApi(plane, api);
  const machines = nodes.map(async (node) => {
    await node.prepare();
    await node.start({ kubelet: false });
    for (const image of images) await node.importImage(image);
    await ready;
    await node.startKubelet();
  });
  // All, even when one fails: nothing may still be starting while the rest is taken down.
  const outcomes = await Promise.allSettled([ready, ...machines]);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/**
 * Starts the rest of the control plane once the API server is ready: a controller manager waits ten
 * seconds for it, and then ends. A busy machine needs longer.
 */
async function startOnApi(plane: ControlPlane, api: ApiClient): Promise<void> {
  await waitFor(
    "the API server",
    async () => {
      await mustRun([plane.etcd, plane.apiserver]);
      return await api.text("/readyz");
    },
    { timeoutMs: 180_000 },
  );
  await plane.controllerManager.start();
  await plane.scheduler.start();
}

/**
 * A component that has ended, for instance because of an argument it does not know, will not come
 * back.
 */
async function mustRun(components: readonly ManagedProcess[]): Promise<void> {
  await Promise.all(components.map((component) => component.mustRun()));
}

interface NodeObject {
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function waitForNode(api: ApiClient, name: string, timeoutMs: number, untaint = false): Promise<void> {
  await waitFor(
    `node ${name} to be Ready`,
    async (saw) => {
      const node = await api.request<NodeObject>(`/api/v1/nodes/${name}`);
      saw({ conditions: node.status.conditions, taints: node.spec.taints });
      if (!node.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True")) return undefined;
      if (!node.spec.taints?.some(({ key }) => key === NOT_READY_TAINT)) return true;
      if (untaint) await removeTaint(api, name);
      return undefined;
    },
    { timeoutMs },
  );
}

/**
 * Without it the first pods are refused: the controller manager makes it when it has made the rest
 * of its start.
 */
async function waitForServiceAccount(plane: ControlPlane, api: ApiClient): Promise<void> {
  await waitFor(
    "the default service account",
    async () => {
      await mustRun(plane.components);
      await api.request("/api/v1/namespaces/default/serviceaccounts/default");
      return true;
    },
    { timeoutMs: 180_000 },
  );
}

function withBareNodes(options: ClusterOptions): ControlPlaneOptions {
  if ((options.bareNodes ?? 0) === 0) return options;
  return { ...options, kcmArgs: ["--controllers=*,-node-lifecycle-controller", ...(options.kcmArgs ?? [])] };
}

async function closeAll(parts: {
  identity: ClusterIdentity;
  watchdog: Watchdog;
  api: ApiClient | undefined;
  keepLogs: string | undefined;
}): Promise<void> {
  const { identity, watchdog, api, keepLogs } = parts;
  await api?.close();
  if (keepLogs !== undefined) await cp(join(identity.directory, "logs"), keepLogs, { recursive: true });
  // If this fails the watchdog is not dismissed, and tries again when this process ends.
  await tearDown(identity);
  await watchdog.dismiss();
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);
}
