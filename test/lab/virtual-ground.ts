import type { Random } from "../../src/effects/random.ts";
import { seededRandom } from "../../src/kube/testing/seeded-random.fixture.ts";
import {
  LabApi,
  MemoryNodeFiles,
  startControllers,
  virtualClock,
  type ContainerRun,
  type Controllers,
  type LabUser,
  type VirtualClock,
} from "../../src/lab/index.ts";
import { silentLog } from "../../src/observe/log.ts";
import type { Capability, Ground, GroundNode } from "../cluster/ground.ts";
import { GiveUp, type Probe, type WaitOptions } from "../cluster/wait.ts";
import { AnyLabGround, LAB_CAPABILITIES, LAB_NODES } from "./any-lab-ground.ts";
import { InProcessApi } from "./in-process-api.ts";
import { memoryNode } from "./memory-node.ts";
import { VirtualRuntime } from "./virtual-runtime.ts";

const PATIENCE: WaitOptions = { timeoutMs: 60_000, everyMs: 100 };

/**
 * The lab without sockets, on virtual time, as a ground: time passes while a story waits, and only
 * then. For stories that wait long for the product's own timers.
 */
export function openVirtualGround(): Ground {
  const clock = virtualClock();
  const random = seededRandom(1);
  const log = silentLog;
  const api = new LabApi({ clock, random, log }, { strictRbac: true });
  const productOf = (run: ContainerRun) => ({ clock, random, kube: api.kube(serviceAccountOf(run)) });
  const machines = LAB_NODES.map((name) => ({
    name,
    files: new MemoryNodeFiles(),
    runtime: new VirtualRuntime(clock, productOf),
  }));
  const controllers = startControllers({ clock, random, log, kube: api.kube() }, { machines });
  api.servePodLogs(controllers.podLogs);
  return new VirtualGround({ api, clock, controllers, machines, random });
}

interface Parts {
  readonly api: LabApi;
  readonly clock: VirtualClock;
  readonly controllers: Controllers;
  readonly machines: readonly { name: string; files: MemoryNodeFiles; runtime: VirtualRuntime }[];
  readonly random: Random;
}

class VirtualGround extends AnyLabGround implements Ground {
  readonly name = "the lab on virtual time";
  readonly capabilities: ReadonlySet<Capability> = new Set(LAB_CAPABILITIES);
  readonly #parts: Parts;
  /** Stories beside each other take turns in letting time pass. */
  #passing: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    super(new InProcessApi(parts.api), parts.controllers, PATIENCE);
    this.#parts = parts;
  }

  async #pass(ms: number): Promise<void> {
    const mine = this.#passing.then(() => this.#parts.clock.run(ms));
    this.#passing = mine;
    await mine;
  }

  override async waitFor<T>(description: string, probe: Probe<T>, options: Partial<WaitOptions> = {}): Promise<T> {
    const { timeoutMs, everyMs = 100 } = { ...PATIENCE, ...options };
    const { clock } = this.#parts;
    const end = clock.monotonic() + timeoutMs;
    let last: unknown = "nothing";
    for (;;) {
      try {
        const value = await probe((what) => (last = what));
        if (value !== undefined) return value;
      } catch (error) {
        if (error instanceof GiveUp) throw error;
        last = error instanceof Error ? error.message : error;
      }
      if (clock.monotonic() >= end) {
        throw new Error(`waited ${timeoutMs / 1000} s for ${description}; last seen: ${JSON.stringify(last)}`);
      }
      await this.#pass(everyMs);
    }
  }

  onNode(name: string): GroundNode {
    return memoryNode(name, this.#machine(name).files);
  }

  askPod(namespace: string, pod: string, _port: number, path: string): Promise<{ ok: boolean; text: string }> {
    const product = this.#parts.machines.map(({ runtime }) => runtime.product(`${namespace}/${pod}`)).find(Boolean);
    if (product === undefined) throw new Error(`no program of the product was started for ${namespace}/${pod}`);
    return product.ask(path);
  }

  killContainers(namespace: string, pod: string): Promise<void> {
    for (const { runtime } of this.#parts.machines) runtime.product(`${namespace}/${pod}`)?.stop(0);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    const { controllers, machines } = this.#parts;
    const stopped = controllers.stop();
    for (const { runtime } of machines) runtime.killAll();
    await this.#pass(60_000);
    await stopped;
  }

  kubeconfigText(): Promise<never> {
    return this.missing("programs");
  }

  #machine(name: string): Parts["machines"][number] {
    const machine = this.#parts.machines.find((each) => each.name === name);
    if (machine === undefined) throw new Error(`there is no node ${name}`);
    return machine;
  }
}

function serviceAccountOf({ pod }: ContainerRun): LabUser {
  const { namespace = "" } = pod.metadata ?? {};
  return {
    name: `system:serviceaccount:${namespace}:${pod.spec?.serviceAccountName ?? "default"}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  };
}
