import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Binaries } from "./binaries.ts";
import { API_ADDRESS, type ControlPlane } from "./control-plane.ts";
import type { ClusterIdentity } from "./identity.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { clusterEnvironment, initScript, Namespaces } from "./namespaces.ts";
import { CONFIG, CONTAINERD_SOCKET, writeNodeConfig } from "./node-config.ts";
import type { PoolShape, UnmountOptions } from "./ground.ts";
import { cutScript, healScript, type Addresses } from "./node-cut.ts";
import { readFileAt, exists, listDirectory, writeFileAt } from "./node-files.ts";
import { SYSTEM_PATH } from "./packages.ts";
import { PoolDisks } from "./pool-disks.ts";
import { ManagedProcess } from "./process.ts";
import { must, run, type RunOptions, type RunResult } from "./run.ts";
import { removeCgroup } from "./teardown.ts";
import { waitFor } from "./wait.ts";
import { hierarchies } from "./cgroups.ts";

/**
 * Paths that are on a node's own disk; every other path of a node is private too, but on an
 * overlay.
 */
export const DISK_PATHS: readonly string[] = [
  "/var/lib/kubelet",
  "/var/lib/containerd",
  "/var/lib/cni",
  "/var/lib/mooring",
  "/var/lib/rancher",
  "/var/local-path-provisioner",
  "/var/log/pods",
  "/opt",
  "/mnt",
  "/tmp",
];

/** A node that runs real containers: its namespaces, containerd and kubelet. */
export class Node {
  readonly name: string;
  /** Its address on the cluster's network. */
  readonly address: string;
  readonly podRange: string;
  readonly #identity: ClusterIdentity;
  readonly #plane: ControlPlane;
  readonly #index: number;
  readonly #directory: string;
  readonly #namespaces: Namespaces;
  readonly #pools: PoolDisks;
  readonly #cutFrom = new Set<Addresses>();
  #containerd: ManagedProcess | undefined;
  #kubelet: ManagedProcess | undefined;

  /** `index` counts from 1; it makes the addresses. */
  constructor(identity: ClusterIdentity, binaries: Binaries, plane: ControlPlane, name: string, index: number) {
    this.name = name;
    this.address = `10.77.0.${index + 10}`;
    this.podRange = `10.78.${index}.0/24`;
    this.#identity = identity;
    this.#plane = plane;
    this.#index = index;
    this.#directory = join(identity.directory, "nodes", name);
    this.#pools = new PoolDisks(this, join(this.#directory, "pools"), clusterEnvironment(identity));
    const { componentsDirectory, containerdDirectory } = binaries;
    this.#namespaces = new Namespaces({
      name: `node ${name}`,
      identity,
      directory: this.#directory,
      logFile: this.#log("init"),
      script: initScript("node"),
      args: [this.#directory, name, this.#cgroup, componentsDirectory, containerdDirectory, ...DISK_PATHS],
      inside: plane.namespaces,
    });
  }

  /** Whether the machine is on; a kubelet that was stopped does not make a node dead. */
  get alive(): boolean {
    return this.#namespaces.alive;
  }

  /** Writes the node's configuration; once, before the first start. */
  async prepare(): Promise<void> {
    const config = join(this.#directory, "config");
    await mkdir(config, { recursive: true });
    await writeNodeConfig(config, this.podRange);
    await copyFile(initScript("join"), join(config, "join.sh"));
    await copyFile(this.#plane.pki.certificate("ca"), join(config, "ca.crt"));
    const server = `https://${API_ADDRESS}`;
    await writeKubeconfig(join(config, "kubeconfig"), server, this.#plane.pki, `node-${this.name}`);
  }

  /**
   * Switches the node on: network, containerd, and unless told otherwise the kubelet. Does not wait
   * for Ready.
   */
  async start(options: { kubelet?: boolean } = {}): Promise<void> {
    await this.#namespaces.start((pid) => `/proc/${pid}/root/run/mooring/ready`);
    await this.#plugIn();
    await this.#pools.mountAgain();
    this.#containerd = this.#program("containerd", [
      "/run/mooring/containerd/containerd",
      `--config=${CONFIG}/containerd.toml`,
    ]);
    this.#kubelet = this.#program("kubelet", [
      "/run/mooring/components/components",
      "kubelet",
      `--config=${CONFIG}/kubelet.yaml`,
      `--kubeconfig=${CONFIG}/kubeconfig`,
      `--hostname-override=${this.name}`,
      `--node-ip=${this.address}`,
    ]);
    await this.#containerd.start();
    const { containerd } = this;
    await waitFor(
      `containerd on ${this.name}`,
      async (saw) => {
        await containerd.mustRun();
        const answer = await this.#ctr(["version"]);
        saw(answer.stderr);
        return answer.code === 0 ? true : undefined;
      },
      { timeoutMs: 180_000 },
    );
    if (options.kubelet !== false) await this.startKubelet();
  }

  /**
   * Pulls the plug: all processes and containers die at once, mounts and network go. Its disk
   * stays.
   */
  async kill(): Promise<void> {
    await this.#namespaces.kill();
    await Promise.all([this.#containerd?.exited, this.#kubelet?.exited]);
    for (const { directory } of await hierarchies()) await removeCgroup(join(directory, this.#cgroup));
    await this.#pools.plugPulled();
  }

  /** Starts the kubelet, after stopKubelet() or a kill of the process. */
  async startKubelet(): Promise<void> {
    await this.#running(this.#kubelet).start();
  }

  /** Stops the kubelet; containers run on, as they do on a real node. */
  async stopKubelet(): Promise<void> {
    await this.#running(this.#kubelet).stop();
  }

  /** The kubelet's process, for tests that kill it or read its log. */
  get kubelet(): ManagedProcess {
    return this.#running(this.#kubelet);
  }

  /** The runtime's process; killed, its containers live on. */
  get containerd(): ManagedProcess {
    return this.#running(this.#containerd);
  }

  /** Takes the network cable out. */
  async unplug(): Promise<void> {
    await this.#onPlane(`ip link set ${this.#port} down`);
  }

  /** Puts the network cable back in. */
  async plug(): Promise<void> {
    await this.#onPlane(`ip link set ${this.#port} up; ip neigh flush dev br0`);
  }

  /** Stops what this node and its pods send to another node and its pods; half of a cut. */
  async cut(peer: Addresses): Promise<void> {
    this.#cutFrom.add(peer);
    await this.#onNetwork(cutScript(peer));
  }

  /** Undoes cut(). */
  async heal(peer: Addresses): Promise<void> {
    if (this.#cutFrom.delete(peer)) await this.#onNetwork(healScript(peer));
  }

  /** A new disk of so many MiB, mounted at a path. */
  async mountPool(path: string, shape: PoolShape): Promise<void> {
    await this.#pools.mount(path, shape);
  }

  /** Unmounts it; fails while it is in use, unless it is to be done lazily. */
  async unmountPool(path: string, options?: UnmountOptions): Promise<void> {
    await this.#pools.unmount(path, options);
  }

  /** Mounts it again, with what is on it. */
  async remountPool(path: string): Promise<void> {
    await this.#pools.remount(path);
  }

  /** Takes it away for good. */
  async removePool(path: string): Promise<void> {
    await this.#pools.remove(path);
  }

  /** Runs a command on the node, as root, in its namespaces. */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await run([...this.#enter(), ...argv], { env: clusterEnvironment(this.#identity), ...options });
  }

  /** The text of a file on the node; fails when it is not there. */
  async readFile(path: string): Promise<string> {
    return await readFileAt(this, path);
  }

  /** Writes a file on the node, its directories too. */
  async writeFile(path: string, text: string): Promise<void> {
    await writeFileAt(this, path, text);
  }

  /** Whether there is anything at the path, a dangling link included. */
  async exists(path: string): Promise<boolean> {
    return await exists(this, path);
  }

  /** Names of the entries of a directory, sorted; fails when there is none. */
  async listDirectory(path: string): Promise<string[]> {
    return await listDirectory(this, path);
  }

  /** Imports an image from a tar file of the machine. */
  async importImage(tarFile: string): Promise<void> {
    // Through stdin: a node does not see every directory of the machine.
    const ctr = ["/run/mooring/containerd/ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io"];
    const argv = [...this.#enter(), ...ctr, "images", "import", "--local", "-"];
    await must(["sh", "-c", 'exec "$@" <"$0"', tarFile, ...argv], { env: clusterEnvironment(this.#identity) });
  }

  /** Names of the images the runtime has. */
  async images(): Promise<string[]> {
    const answer = await this.#ctr(["--namespace", "k8s.io", "images", "list", "--quiet"]);
    if (answer.code !== 0) throw new Error(`listing images on ${this.name}: ${answer.stderr}`);
    return answer.stdout.trim().split("\n").filter(Boolean);
  }

  get #cgroup(): string {
    return `${this.#identity.cgroup}/${this.name}`;
  }

  get #port(): string {
    return `node${this.#index}`;
  }

  #log(program: string): string {
    return join(this.#identity.directory, "logs", `${this.name}-${program}.log`);
  }

  #enter(): string[] {
    return this.#namespaces.enter(["mount", "uts", "ipc", "net", "pid", "cgroup"]);
  }

  #running<T>(program: T | undefined): T {
    if (program === undefined) throw new Error(`node ${this.name} was never started`);
    return program;
  }

  #program(name: string, argv: readonly string[]): ManagedProcess {
    const path = `/run/mooring/containerd:${SYSTEM_PATH}`;
    return new ManagedProcess({
      name: `${name} of ${this.name}`,
      argv: [...this.#enter(), "sh", `${CONFIG}/join.sh`, ...argv],
      env: { ...clusterEnvironment(this.#identity), PATH: path },
      logFile: this.#log(name),
      forks: true,
    });
  }

  async #ctr(args: readonly string[]): Promise<RunResult> {
    return await this.exec(["/run/mooring/containerd/ctr", "--address", CONTAINERD_SOCKET, ...args]);
  }

  async #onPlane(script: string): Promise<void> {
    await must([...this.#plane.namespaces.enter(["net"]), "sh", "-ec", script], {
      env: clusterEnvironment(this.#identity),
    });
  }

  async #plugIn(): Promise<void> {
    const port = this.#port;
    const mac = `02:00:0a:4d:00:${(this.#index + 10).toString(16).padStart(2, "0")}`;
    // The old pair goes with the old namespace, but only some time after its last process.
    await this.#onPlane(`
      ip link delete ${port} 2>/dev/null || :
      ip link add ${port} type veth peer name eth0 address ${mac} netns ${this.#namespaces.pid}
      ip link set ${port} master br0 up
      ip route replace ${this.podRange} via ${this.address}`);
    await this.#onNetwork(
      `ip address add ${this.address}/24 dev eth0; ip link set eth0 up; ip route add default via ${API_ADDRESS}`,
    );
    for (const peer of this.#cutFrom) await this.#onNetwork(cutScript(peer));
  }

  async #onNetwork(script: string): Promise<void> {
    await must([...this.#namespaces.enter(["net"]), "sh", "-ec", script], {
      env: clusterEnvironment(this.#identity),
    });
  }
}
