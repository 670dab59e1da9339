import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent } from "undici";
import { parse } from "yaml";
import { systemClock } from "../../src/effects/node/clock.ts";
import { systemRandom } from "../../src/effects/node/random.ts";
import { startMachineLab, type MachineLab } from "../../src/lab/machine/machine-lab.ts";
import { silentLog } from "../../src/observe/log.ts";
import { ApiClient } from "../cluster/api.ts";
import type { Capability, Ground, GroundNode } from "../cluster/ground.ts";
import { PRODUCT_IMAGE } from "../cluster/image-names.ts";
import { productBundle } from "../program/bundle.ts";
import { AnyLabGround, LAB_CAPABILITIES, LAB_NODES } from "./any-lab-ground.ts";
import { labNode } from "./lab-node.ts";

/** Everything is nearer than in a cluster, but the product and the scheduler keep their own pace. */
const PATIENCE = { timeoutMs: 180_000, everyMs: 50 };

/** The lab on this machine as a ground: the API over HTTP, nodes as directories, containers as child processes, the product as its shipped program. */
export async function openLabGround(): Promise<Ground> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-lab-"));
  const bundle = await productBundle();
  const lab = await startMachineLab(
    { clock: systemClock(), random: systemRandom(), log: silentLog },
    {
      directory,
      nodes: LAB_NODES,
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
  for (const node of LAB_NODES) await ground.onNode(node).writeFile("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  await ground.waitFor("the lab's nodes to be Ready", async () =>
    (await ground.list("nodes")).length === LAB_NODES.length ? true : undefined,
  );
  return ground;
}

class LabGround extends AnyLabGround implements Ground {
  readonly name = "the lab";
  readonly capabilities: ReadonlySet<Capability> = new Set([...LAB_CAPABILITIES, "programs"]);
  readonly close: () => Promise<void>;
  readonly #lab: MachineLab;

  constructor(lab: MachineLab, api: ApiClient, close: () => Promise<void>) {
    super(api, lab.controllers, PATIENCE);
    this.#lab = lab;
    this.close = close;
  }

  kubeconfigText(): Promise<string> {
    return Promise.resolve(this.#lab.kubeconfig());
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
}
