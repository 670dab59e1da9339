import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent } from "undici";
import { parse } from "yaml";
import { systemClock } from "../../src/effects/node/clock.ts";
import { systemRandom } from "../../src/effects/node/random.ts";
import { startMachineLab, type MachineLab } from "../../src/lab/index.ts";
import { silentLog } from "../../src/observe/log.ts";
import { ApiClient } from "../cluster/api.ts";
import type { Capability, Ground, GroundNode } from "../cluster/ground.ts";
import { PRODUCT_IMAGE } from "../cluster/image-names.ts";
import type { RunResult } from "../cluster/run.ts";
import { productBundle } from "../program/bundle.ts";
import { AnyLabGround, LAB_CAPABILITIES, LAB_NODES } from "./any-lab-ground.ts";
import { LabAgents } from "./lab-agents.ts";
import { drainOnLab, type LabDrainEffects } from "./lab-drain.ts";
import { labNode } from "./lab-node.ts";

/**
 * Everything is nearer than in a cluster, but the product and the scheduler keep their own pace.
 */
const PATIENCE = { timeoutMs: 180_000, everyMs: 50 };

/**
 * The lab on this machine as a ground: the API over HTTP, nodes as directories, containers as child
 * processes, the product as its shipped program.
 */
export async function openLabGround(): Promise<Ground> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-lab-"));
  const [classic, movable] = await Promise.all([productBundle("local-path-provisioner"), productBundle("mooring")]);
  const effects = { clock: systemClock(), random: systemRandom(), log: silentLog };
  const lab = await startMachineLab(effects, {
    directory,
    nodes: LAB_NODES,
    product: {
      plays: (image) => image === PRODUCT_IMAGE,
      programs: {
        "local-path-provisioner": [process.execPath, classic],
        mooring: [process.execPath, movable],
      },
    },
  });
  const endWithUs = (): void => {
    lab.killAll();
  };
  process.once("exit", endWithUs);
  const { users } = parse(lab.kubeconfig()) as { users: [{ user: { token: string } }] };
  const agent = new Agent({ connections: 32 });
  const api = new ApiClient(lab.url, agent, users[0].user.token);
  const agents = new LabAgents(effects, lab);
  const close = async (): Promise<void> => {
    await agents.stop();
    await api.close();
    await lab.close();
    process.off("exit", endWithUs);
    await rm(directory, { recursive: true, force: true });
  };
  const ground = new LabGround({ lab, api, agents, effects, close });
  // What a machine has that a story looks at.
  for (const node of LAB_NODES) await ground.onNode(node).writeFile("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  await ground.waitFor("the lab's nodes to be Ready", async () =>
    (await ground.list("nodes")).length === LAB_NODES.length ? true : undefined,
  );
  return ground;
}

interface Parts {
  readonly lab: MachineLab;
  readonly api: ApiClient;
  readonly agents: LabAgents;
  readonly effects: LabDrainEffects;
  readonly close: () => Promise<void>;
}

/** Milliseconds of `--timeout=<seconds>s`, the one flag that is known here. */
function timeoutIn(flags: readonly string[]): number {
  const [seconds = "240", ...more] = flags.map((flag) => /^--timeout=(\d+)s$/.exec(flag)?.[1] ?? flag);
  if (!/^\d+$/.test(seconds) || more.length > 0) throw new Error(`the lab's drain does not know ${flags.join(" ")}`);
  return Number(seconds) * 1000;
}

class LabGround extends AnyLabGround implements Ground {
  readonly name = "the lab";
  readonly capabilities: ReadonlySet<Capability> = new Set([...LAB_CAPABILITIES, "drain", "movable", "programs"]);
  readonly close: () => Promise<void>;
  readonly playAgents: () => Promise<void>;
  readonly #lab: MachineLab;
  readonly #effects: LabDrainEffects;

  constructor({ lab, api, agents, effects, close }: Parts) {
    super(api, lab.controllers, PATIENCE);
    this.#lab = lab;
    this.#effects = effects;
    this.playAgents = () => agents.start(this);
    this.close = close;
  }

  override drain(node: string, ...flags: readonly string[]): Promise<RunResult> {
    return drainOnLab(this.#lab.api, this.#effects, node, timeoutIn(flags));
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
