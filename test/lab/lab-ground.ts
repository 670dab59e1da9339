import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent } from "undici";
import { parse } from "yaml";
import { systemClock } from "../../src/effects/node/clock.ts";
import { systemRandom } from "../../src/effects/node/random.ts";
import { MANAGER, SCHEDULER } from "../../src/lab/controllers/start.ts";
import { startMachineLab, type MachineLab } from "../../src/lab/machine/machine-lab.ts";
import { silentLog } from "../../src/observe/log.ts";
import { ApiClient } from "../cluster/api.ts";
import { MissingCapability, type Capability, type Component, type Ground, type GroundNode } from "../cluster/ground.ts";
import { PRODUCT_IMAGE } from "../cluster/image-names.ts";
import { ObjectsGround } from "../cluster/objects-ground.ts";
import { productBundle } from "../program/bundle.ts";
import { labNode } from "./lab-node.ts";

const NODES = ["node-1", "node-2", "node-3"];
/** Everything is nearer than in a cluster, but the product and the scheduler keep their own pace. */
const PATIENCE = { timeoutMs: 60_000, everyMs: 50 };

/** The lab on this machine as a ground: the API over HTTP, nodes as directories, containers as child processes, the product as its shipped program. */
export async function openLabGround(): Promise<Ground> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-lab-"));
  const bundle = await productBundle();
  const lab = await startMachineLab(
    { clock: systemClock(), random: systemRandom(), log: silentLog },
    {
      directory,
      nodes: NODES,
      product: {
        plays: (image) => image === PRODUCT_IMAGE,
        programs: { "local-path-provisioner": [process.execPath, bundle.file] },
      },
    },
  );
  const endWithUs = (): void => {
    lab.killAll();
  };
  process.once("exit", endWithUs);
  const { users } = parse(lab.kubeconfig()) as { users: [{ user: { token: string } }] };
  const agent = new Agent({ connections: 32 });
  const api = new ApiClient(lab.url, agent, users[0].user.token);
  const close = async (): Promise<void> => {
    await api.close();
    await lab.close();
    process.off("exit", endWithUs);
    await bundle.remove();
    await rm(directory, { recursive: true, force: true });
  };
  const ground = new LabGround(lab, api, close);
  // What a machine has that a story looks at.
  for (const node of NODES) await ground.onNode(node).writeFile("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  await ground.waitFor("the lab's nodes to be Ready", async () =>
    (await ground.list("nodes")).length === NODES.length ? true : undefined,
  );
  return ground;
}

class LabGround extends ObjectsGround implements Ground {
  readonly name = "the lab";
  readonly capabilities: ReadonlySet<Capability> = new Set([
    "containers",
    "control-plane",
    "kubelet",
    "load-image",
    "node-files",
    "node-kill",
    "programs",
  ]);
  readonly nodes = NODES;
  readonly close: () => Promise<void>;
  readonly #lab: MachineLab;

  constructor(lab: MachineLab, api: ApiClient, close: () => Promise<void>) {
    super(api, PATIENCE, "create-or-merge");
    this.#lab = lab;
    this.close = close;
  }

  kubeconfigText(): Promise<string> {
    return Promise.resolve(this.#lab.kubeconfig());
  }

  kubectl(): Promise<never> {
    return Promise.reject(this.#missing("kubectl"));
  }

  exec(): Promise<never> {
    return Promise.reject(this.#missing("isolation"));
  }

  async askPod(namespace: string, pod: string, _port: number, path: string): Promise<{ ok: boolean; text: string }> {
    const address = this.#lab.addressOf(namespace, pod);
    if (address === undefined) throw new Error(`no program of the product was started for ${namespace}/${pod}`);
    const answer = await fetch(`${address}${path}`);
    return { ok: answer.ok, text: await answer.text() };
  }

  onNode(name: string): GroundNode {
    const node = this.#lab.nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return labNode(name, node.files);
  }

  async killContainers(namespace: string, pod: string): Promise<void> {
    await this.#lab.killContainers(namespace, pod);
  }

  killNode(node: string): Promise<void> {
    this.#lab.controllers.pullPlug(node);
    return Promise.resolve();
  }

  startNode(node: string): Promise<void> {
    return this.startKubelet(node);
  }

  unplugNode(): Promise<never> {
    return Promise.reject(this.#missing("node-network"));
  }

  plugNode(): Promise<never> {
    return Promise.reject(this.#missing("node-network"));
  }

  stopKubelet(node: string): Promise<void> {
    this.#lab.controllers.kill(`kubelet/${node}`);
    return Promise.resolve();
  }

  startKubelet(node: string): Promise<void> {
    this.#lab.controllers.restart(`kubelet/${node}`);
    return Promise.resolve();
  }

  killComponent(component: Component): Promise<void> {
    this.#lab.controllers.kill(processOf(component));
    return Promise.resolve();
  }

  startComponent(component: Component): Promise<void> {
    this.#lab.controllers.restart(processOf(component));
    return Promise.resolve();
  }

  loadProductImage(): Promise<string> {
    return Promise.resolve(PRODUCT_IMAGE);
  }

  #missing(capability: Capability): MissingCapability {
    return new MissingCapability(this.name, capability);
  }
}

function processOf(component: Component): string {
  return component === "scheduler" ? SCHEDULER : MANAGER;
}
