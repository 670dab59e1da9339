import { startAgents } from "../../src/demo/agents/start-agents.ts";
import type { StorageNode } from "../../src/api/kinds/storage-node.ts";
import type { Clock } from "../../src/effects/clock.ts";
import { systemFiles } from "../../src/effects/node/files.ts";
import type { Random } from "../../src/effects/random.ts";
import type { MachineLab } from "../../src/lab/index.ts";
import type { Log } from "../../src/observe/log.ts";
import type { Ground } from "../cluster/ground.ts";

/**
 * The movable driver's agents on a lab: the shipped code, one per node, in this process, as
 * `moor demo` starts them.
 */
export class LabAgents {
  readonly #effects: { readonly clock: Clock; readonly random: Random; readonly log: Log };
  readonly #lab: MachineLab;
  #started: Promise<() => Promise<void>> | undefined;

  constructor(effects: { readonly clock: Clock; readonly random: Random; readonly log: Log }, lab: MachineLab) {
    this.#effects = effects;
    this.#lab = lab;
  }

  /** Starts them once, and waits until a pool is ready on every node. */
  async start(ground: Pick<Ground, "list" | "nodes" | "waitFor">): Promise<void> {
    this.#started ??= startAgents({ ...this.#effects, files: systemFiles() }, this.#lab);
    await this.#started;
    await ground.waitFor("a pool to be ready on every node", async (saw) => {
      const storageNodes = await ground.list<StorageNode>("storagenodes.mooring.dev");
      saw(storageNodes.map(({ status }) => status));
      const ready = storageNodes.filter(({ status }) => status?.pools?.some((pool) => pool.ready) === true);
      return ready.length === ground.nodes.length ? true : undefined;
    });
  }

  async stop(): Promise<void> {
    await (
      await this.#started
    )?.();
  }
}
