// A whole lab on this machine, for people and for stories: the API over HTTP(S), all controllers,
// and nodes that are directories, whose containers are child processes.
//
//   starting ──▶ running ── close() ──▶ closed: no process, no connection
//                                       (the directories stay: they are the caller's)
//
// It runs commands from the objects in its API as this user, so a client with a token has all
// rights of this user. It therefore listens on loopback only and refuses requests without a token.
import { join } from "node:path";
import type { Clock } from "../../effects/clock.ts";
import type { Random } from "../../effects/random.ts";
import { KubeClient } from "../../kube/client.ts";
import type { Log } from "../../observe/log.ts";
import { LabApi, type LabOptions } from "../api/lab-api.ts";
import type { LabUser } from "../api/request.ts";
import { startControllers, type Controllers } from "../start.ts";
import { CsiDrivers } from "../kubelet/csi-drivers.ts";
import { ProcessRuntime } from "../kubelet/runtimes/process-runtime.ts";
import { serveLab, type ServedLab } from "../server/serve.ts";
import { webhookCaller } from "./call-webhook.ts";
import { ChildProcesses } from "./child-processes.ts";
import { DirectoryFiles } from "./directory-files.ts";
import type { Guard } from "./guard.ts";
import { ProductPlayer, type ProductPlayerOptions } from "./product-player.ts";

export interface MachineLabOptions {
  /** Each node is a directory in it, by its name; made when it is not there. */
  readonly directory: string;
  readonly nodes: readonly string[];
  /**
   * Ends the lab's processes when this one is killed before it has closed the lab; the caller
   * closes it afterwards. @default one of the lab's own
   */
  readonly guard?: Guard;
  /**
   * How the product's image is played. @default it is not: its containers are Ready and do nothing
   */
  readonly product?: Omit<ProductPlayerOptions, "kubeconfig">;
  /** PEM. @default plain HTTP */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** @default 0: a free one */
  readonly port?: number;
  /** Called with a sentence about each container that does not run as it would in a cluster. */
  readonly timeline?: (line: string) => void;
  readonly observe?: LabOptions["observe"];
}

export interface MachineLab {
  readonly url: string;
  readonly api: LabApi;
  /** In process, as the administrator. */
  readonly client: KubeClient;
  readonly controllers: Controllers;
  readonly nodes: ReadonlyMap<string, LabNode>;
  /** A kubeconfig with a token for this user. @default the administrator */
  kubeconfig(user?: LabUser): string;
  /**
   * `http://127.0.0.1:<port>` of a pod of the product; undefined when none of that name was
   * started.
   */
  addressOf(namespace: string, pod: string): string | undefined;
  /** SIGKILL to all that runs in a pod; its kubelet starts it again as its restartPolicy says. */
  killContainers(namespace: string, pod: string): Promise<void>;
  /** Cuts all connections to the API and keeps its state. */
  cut(): void;
  /** Ends everything that was started. Resolves with the process ids of what would not end. */
  close(): Promise<readonly number[]>;
  /** SIGKILL to every child process, for a process that is ending and cannot wait. */
  killAll(): void;
}

export interface LabNode {
  readonly name: string;
  /** The directory of this machine that is the node's root. */
  readonly directory: string;
  readonly files: DirectoryFiles;
  readonly runtime: ProcessRuntime;
  /** Where a CSI driver's plugin registers. */
  readonly csi: CsiDrivers;
}

/** Starts it. Rejects when it cannot listen or cannot make the nodes' directories. */
export async function startMachineLab(
  effects: { readonly clock: Clock; readonly random: Random; readonly log: Log },
  options: MachineLabOptions,
): Promise<MachineLab> {
  const { clock, log } = effects;
  const { tls, timeline, observe } = options;
  const api = new LabApi(effects, { strictRbac: true, ...(observe === undefined ? {} : { observe }) });
  const served = await serveLab(api, {
    tokens: new Map(),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(tls === undefined ? {} : { tls }),
  });
  const runner = new ChildProcesses(options.guard);
  const player =
    options.product === undefined
      ? undefined
      : new ProductPlayer({ ...options.product, kubeconfig: (user) => served.kubeconfig(user) });
  try {
    const nodes = new Map<string, LabNode>();
    for (const name of options.nodes) {
      const directory = join(options.directory, name);
      const files = new DirectoryFiles(directory);
      await files.makeDirectories("/");
      const runtime = new ProcessRuntime(
        { clock, log, runner },
        {
          players: player === undefined ? [] : [player],
          ...(timeline === undefined ? {} : { timeline: (line: string) => timeline(`${name}: ${line}`) }),
        },
      );
      nodes.set(name, { name, directory, files, runtime, csi: new CsiDrivers() });
    }
    if (player !== undefined) api.callWebhooks(webhookCaller(api, (pod) => player.webhookPortOf(pod)));
    const controllers = startControllers(
      { ...effects, kube: api.kube() },
      { machines: [...nodes.values()], rootCertificate: tls?.ca ?? tls?.cert ?? "" },
    );
    api.servePodLogs(controllers.podLogs);
    return machineLab({ api, served, runner, player, nodes, controllers });
  } catch (error) {
    await served.close();
    throw error;
  }
}

function machineLab(parts: {
  readonly api: LabApi;
  readonly served: ServedLab;
  readonly runner: ChildProcesses;
  readonly player: ProductPlayer | undefined;
  readonly nodes: ReadonlyMap<string, LabNode>;
  readonly controllers: Controllers;
}): MachineLab {
  const { api, served, runner, player, nodes, controllers } = parts;
  return {
    url: served.url,
    api,
    client: new KubeClient(api.kube()),
    controllers,
    nodes,
    kubeconfig: (user) => served.kubeconfig(user),
    addressOf: (namespace, pod) => {
      const port = player?.portOf(`${namespace}/${pod}`);
      return port === undefined ? undefined : `http://127.0.0.1:${port}`;
    },
    killContainers: async (namespace, pod) => {
      const killed = [...nodes.values()].map(({ runtime }) => runtime.killPod(`${namespace}/${pod}`));
      await Promise.all(killed);
    },
    cut: () => {
      served.cut();
    },
    close: async () => {
      await controllers.stop();
      for (const { runtime } of nodes.values()) runtime.killAll();
      const left = await runner.ended();
      await served.close();
      return left;
    },
    killAll: () => {
      runner.killAll();
    },
  };
}
