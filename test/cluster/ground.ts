import type { ListOptions } from "./objects.ts";
import type { RunOptions, RunResult } from "./run.ts";
import type { Probe, WaitOptions } from "./wait.ts";

/**
 * What a ground can do beyond the Kubernetes API:
 *
 * - `node-files`: run commands on nodes and see their files;
 * - `node-kill`: pull a node's plug and switch it on again;
 * - `node-network`: take a node's network cable out, or cut the way between two nodes;
 * - `kernel`: nodes have one: their mounts, and which process holds what, are real;
 * - `pool-disks`: give nodes disks of a size of their own, and take them away again;
 * - `kubelet`: stop and start kubelets;
 * - `control-plane`: kill and start the API server, the controller manager and the scheduler;
 * - `containers`: pods really run;
 * - `isolation`: containers have users, file systems and images of their own, and commands can be
 *   run in them;
 * - `movable`: the movable driver runs: its agents can mount, or something plays them;
 * - `drain`: nodes can be drained as `kubectl drain` does it;
 * - `programs`: programs that a story starts on this machine reach the API server;
 * - `kubectl`: a stock kubectl is there;
 * - `load-image`: the product's image, as built from this checkout, can be brought to the nodes.
 */
export type Capability =
  | "node-files"
  | "node-kill"
  | "node-network"
  | "kernel"
  | "pool-disks"
  | "kubelet"
  | "control-plane"
  | "containers"
  | "isolation"
  | "kubectl"
  | "movable"
  | "drain"
  | "programs"
  | "load-image";

/** A control plane component that stories may stop. */
export type Component = "api-server" | "controller-manager" | "scheduler";

/** A file system that a pool disk can have; xfs and btrfs want some hundreds of MiB. */
export type PoolFileSystem = "ext4" | "xfs" | "btrfs";

/** What pool disk to make. */
export interface PoolShape {
  readonly mib: number;
  /** @default "ext4" */
  readonly fs?: PoolFileSystem;
  /** More arguments for its mkfs. */
  readonly made?: readonly string[];
}

/** What killContainers() may send. */
export type ContainerSignal = "KILL" | "STOP" | "CONT";

/** How to unmount. */
export interface UnmountOptions {
  /**
   * Also while it is in use: those who use it keep what is open. Otherwise that is an error.
   * @default false
   */
  readonly lazy?: boolean;
}

/** A story asked for something that the ground under it cannot do; it should have been skipped. */
export class MissingCapability extends Error {
  override readonly name = "MissingCapability";
  constructor(ground: string, capability: Capability) {
    super(`${ground} cannot do this: it has no ${capability}`);
  }
}

/** A node, as far as a story may put its hands on it. Needs `node-files`. */
export interface GroundNode {
  readonly name: string;
  exec(argv: readonly string[], options?: { readonly stdin?: string | Uint8Array }): Promise<RunResult>;
  readFile(path: string): Promise<string>;
  writeFile(path: string, text: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Names of the entries, sorted. */
  listDirectory(path: string): Promise<string[]>;
}

/**
 * What stories stand on: some Kubernetes, and as much of its machines as the ground can give. A
 * story names the capabilities it needs and is skipped, with the reason, where one is missing.
 */
export interface Ground {
  /** In messages: which ground this is. */
  readonly name: string;
  readonly capabilities: ReadonlySet<Capability>;
  /** Names of the nodes. */
  readonly nodes: readonly string[];

  /** Applies a manifest with any number of documents, in its order. */
  apply(yaml: string): Promise<void>;
  /** JSON merge patch of one object; namespace `default` if not given. */
  patch(kind: string, name: string, change: object, namespace?: string): Promise<void>;
  /**
   * Deletes the objects of a manifest, or one object. Does not wait until they are gone; absent
   * ones are no error.
   */
  delete(yaml: string): Promise<void>;
  delete(kind: string, name: string, namespace?: string): Promise<void>;
  /** Evicts a pod as `kubectl drain` does; rejects when the eviction is refused. */
  evict(namespace: string, pod: string): Promise<void>;
  /**
   * An object, or undefined when it is not there. Kinds by any name kubectl takes; namespace
   * `default` if not given.
   */
  get<T>(kind: string, name: string, namespace?: string): Promise<T | undefined>;
  /** The objects of a kind; of all namespaces if none is given. */
  list<T>(kind: string, options?: ListOptions): Promise<T[]>;
  /** Runs kubectl. Needs `kubectl`. A code that is not 0 is an answer, not an error. */
  kubectl(args: readonly string[], options?: Pick<RunOptions, "onStdout" | "onStderr" | "stdin">): Promise<RunResult>;
  /**
   * `kubectl drain NODE --ignore-daemonsets` with more of its flags; waits for its end. Needs
   * `drain`. Without a kubectl only `--timeout=<seconds>s` is known.
   */
  drain(node: string, ...flags: readonly string[]): Promise<RunResult>;
  /**
   * Polls until the probe gives a value; when time is up the error says what was seen last. 60 s if
   * not given.
   */
  waitFor<T>(description: string, probe: Probe<T>, options?: Partial<WaitOptions>): Promise<T>;
  /**
   * A kubeconfig with this ground's cluster and context only, for programs that a story starts on
   * this machine. Needs `programs`.
   */
  kubeconfigText(): Promise<string>;
  /** Runs a command in a pod. Needs `isolation`. */
  exec(namespace: string, pod: string, argv: readonly string[], container?: string): Promise<RunResult>;
  /** What a pod has written so far. */
  logs(namespace: string, pod: string, container?: string): Promise<string>;
  /** One GET of a pod's port over HTTP: the body, and whether the answer was a success. */
  askPod(
    namespace: string,
    pod: string,
    port: number,
    path: string,
  ): Promise<{ readonly ok: boolean; readonly text: string }>;

  onNode(node: string): GroundNode;
  /**
   * SIGKILL to what runs in a pod, as the kernel does when memory is short. Or stops it (`STOP`),
   * as a machine that hangs does, until it goes on (`CONT`). Needs `node-files`.
   */
  killContainers(namespace: string, pod: string, signal?: ContainerSignal): Promise<void>;
  /** Pulls the plug of a node: everything on it dies at once, its disk stays. Needs `node-kill`. */
  killNode(node: string): Promise<void>;
  /** Switches a killed node on again; does not wait until it is Ready. Needs `node-kill`. */
  startNode(node: string): Promise<void>;
  /** Needs `node-network`. */
  unplugNode(node: string): Promise<void>;
  plugNode(node: string): Promise<void>;
  /**
   * Loses every packet between two nodes, also those of their pods, in both directions, without an
   * error for the sender. The API server still reaches both. A restart does not mend it. Needs
   * `node-network`.
   */
  cutNodes(a: string, b: string): Promise<void>;
  healNodes(a: string, b: string): Promise<void>;
  /**
   * Makes a disk and mounts it at a path of a node; pods see it come and go as their mount
   * propagation says. A node that is killed has it again when it is started. Needs `pool-disks`.
   */
  mountPool(node: string, path: string, shape: PoolShape): Promise<void>;
  /** Fails while it is in use, unless it is to be done lazily. What is on it stays. */
  unmountPool(node: string, path: string, options?: UnmountOptions): Promise<void>;
  remountPool(node: string, path: string): Promise<void>;
  /** Takes the disk away for good, mounted or not. */
  removePool(node: string, path: string): Promise<void>;
  /** Containers run on without it. Needs `kubelet`. */
  stopKubelet(node: string): Promise<void>;
  startKubelet(node: string): Promise<void>;
  /** SIGKILL. Needs `control-plane`. */
  killComponent(component: Component): Promise<void>;
  startComponent(component: Component): Promise<void>;
  /**
   * Where no DaemonSet is run: starts what plays the movable driver's agents, once its manifests
   * are applied, and waits until they are there. Absent where the DaemonSet is run.
   */
  readonly playAgents?: () => Promise<void>;
  /**
   * Brings the product's image to every node and gives the name that pods use for it. Needs
   * `load-image`.
   */
  loadProductImage(): Promise<string>;
  /**
   * Brings an image to every node: a tar file as `docker save` writes it. Absent where a story
   * cannot bring one.
   */
  readonly loadImage?: (tarFile: string) => Promise<void>;

  /**
   * For the report of a failed test: what of the control plane runs, and the ends of its logs.
   * Absent where the control plane is somebody else's.
   */
  readonly condition?: () => Promise<string>;

  /** Lets go of what the ground holds; an existing cluster stays as it is. */
  close(): Promise<void>;
}

/** Why a story that needs these capabilities must be skipped here, or undefined when it can run. */
export function missingCapabilities(ground: Ground, needed: readonly Capability[]): string | undefined {
  const missing = needed.filter((capability) => !ground.capabilities.has(capability));
  return missing.length === 0 ? undefined : `${ground.name} has no ${missing.join(", no ")}`;
}
