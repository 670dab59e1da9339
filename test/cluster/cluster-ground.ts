import { existsSync } from "node:fs";
import { ApiGround } from "./api-ground.ts";
import type { Cluster } from "./cluster.ts";
import type {
  Capability,
  Component,
  ContainerSignal,
  Ground,
  GroundNode,
  PoolShape,
  UnmountOptions,
} from "./ground.ts";
import { PRODUCT_IMAGE } from "./image-names.ts";
import { productImage } from "./product-image.ts";
import type { ManagedProcess } from "./process.ts";

/** How long a story waits for something when it does not say. */
const PATIENCE_MS = 180_000;

/**
 * A signal to the processes that have the pod's name as the host name in their environment, or one
 * of the pod's containers in the names of their cgroups: with `hostNetwork` the host name is the
 * node's. Fails when there is none.
 */
const KILL_CONTAINERS = `
  name=$0 signal=$1 killed=1
  shift
  for directory in /proc/[0-9]*; do
    found=
    if tr '\\0' '\\n' <$directory/environ 2>/dev/null | grep -qx "HOSTNAME=$name"; then found=yes; fi
    for container in "$@"; do
      if grep -q "/$container\\$" $directory/cgroup 2>/dev/null; then found=yes; fi
    done
    if [ "$found" ] && kill -"$signal" "\${directory#/proc/}"; then killed=0; fi
  done
  exit $killed`;

interface RunningPod {
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly containerStatuses?: readonly { readonly containerID?: string }[] };
}

/** A cluster that was started here as a ground: it can do everything. */
export class ClusterGround extends ApiGround implements Ground {
  readonly name = "the test cluster";
  readonly capabilities: ReadonlySet<Capability>;
  readonly nodes: readonly string[];
  readonly #cluster: Cluster;
  readonly #distDirectory: string;
  #loaded: Promise<void> | undefined;

  /** `distDirectory` holds the built product. Closing the ground closes the cluster. */
  constructor(cluster: Cluster, distDirectory: string) {
    super({
      api: cluster.api,
      kubectl: cluster.kubectlArgv,
      env: cluster.environment,
      patience: { timeoutMs: PATIENCE_MS },
    });
    this.#cluster = cluster;
    this.#distDirectory = distDirectory;
    this.nodes = [...cluster.nodes.map((node) => node.name), ...cluster.bareNodes];
    const always: Capability[] = ["control-plane", "drain", "kubectl", "programs"];
    const withNodes: Capability[] = [
      "node-files",
      "node-kill",
      "node-network",
      "kernel",
      "kubelet",
      "containers",
      "isolation",
      "load-image",
      "movable",
    ];
    if (existsSync("/dev/loop-control")) withNodes.push("pool-disks");
    this.capabilities = new Set(cluster.nodes.length > 0 ? [...always, ...withNodes] : always);
  }

  onNode(node: string): GroundNode {
    return this.#cluster.node(node);
  }

  async killContainers(namespace: string, pod: string, signal: ContainerSignal = "KILL"): Promise<void> {
    const found = await this.get<RunningPod>("Pod", pod, namespace);
    const node = this.#cluster.node(found?.spec.nodeName ?? "");
    // As `containerd://ID`.
    const ids = (found?.status.containerStatuses ?? []).flatMap(({ containerID }) => containerID?.split("//")[1] ?? []);
    const { code, stderr } = await node.exec(["sh", "-c", KILL_CONTAINERS, pod, signal, ...ids]);
    if (code !== 0) throw new Error(`no process of ${namespace}/${pod} was found: ${stderr}`);
  }

  async killNode(node: string): Promise<void> {
    await this.#cluster.node(node).kill();
  }

  async startNode(node: string): Promise<void> {
    await this.#cluster.node(node).start();
  }

  async unplugNode(node: string): Promise<void> {
    await this.#cluster.node(node).unplug();
  }

  async plugNode(node: string): Promise<void> {
    await this.#cluster.node(node).plug();
  }

  async cutNodes(a: string, b: string): Promise<void> {
    await this.#cluster.cutNodes(a, b);
  }

  async healNodes(a: string, b: string): Promise<void> {
    await this.#cluster.healNodes(a, b);
  }

  async mountPool(node: string, path: string, shape: PoolShape): Promise<void> {
    await this.#cluster.node(node).mountPool(path, shape);
  }

  async unmountPool(node: string, path: string, options?: UnmountOptions): Promise<void> {
    await this.#cluster.node(node).unmountPool(path, options);
  }

  async remountPool(node: string, path: string): Promise<void> {
    await this.#cluster.node(node).remountPool(path);
  }

  async removePool(node: string, path: string): Promise<void> {
    await this.#cluster.node(node).removePool(path);
  }

  async stopKubelet(node: string): Promise<void> {
    await this.#cluster.node(node).stopKubelet();
  }

  async startKubelet(node: string): Promise<void> {
    await this.#cluster.node(node).startKubelet();
  }

  async killComponent(component: Component): Promise<void> {
    await this.#component(component).kill();
  }

  async startComponent(component: Component): Promise<void> {
    await this.#component(component).start();
  }

  async condition(): Promise<string> {
    return await this.#cluster.condition();
  }

  async loadProductImage(): Promise<string> {
    this.#loaded ??= this.#load();
    await this.#loaded;
    return PRODUCT_IMAGE;
  }

  async loadImage(tarFile: string): Promise<void> {
    await Promise.all(this.#cluster.nodes.map((node) => node.importImage(tarFile)));
  }

  async close(): Promise<void> {
    await this.#cluster.close();
  }

  async #load(): Promise<void> {
    const tarFile = await productImage(this.#distDirectory, (line) => console.error(line));
    await this.loadImage(tarFile);
  }

  #component(component: Component): ManagedProcess {
    if (component === "api-server") return this.#cluster.apiserver;
    return component === "scheduler" ? this.#cluster.scheduler : this.#cluster.controllerManager;
  }
}
