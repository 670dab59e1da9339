import { Waiters } from "../../kube/waiters.ts";

/**
 * How many helper pods may run at once: `count` on each node, or (as the original's
 * --worker-threads) `count` creates and `count` deletes in total, of which `onNode` on each node.
 * Read again for every turn.
 */
export type SlotLimit =
  | { readonly per: "node"; readonly count: number }
  | { readonly per: "action"; readonly count: number; readonly onNode?: number | undefined };

/**
 * The share of a node's turns that deletes may have: a pod waits for a claim, and nothing waits for
 * the removal of an old directory.
 */
const SHARE_OF_DELETES = 3 / 4;

type Action = "create" | "delete";

interface Queue {
  readonly running: Record<Action, number>;
  readonly waiting: Record<Action, Waiters<undefined>>;
}

/** How many may run at once: of both actions together, and of each. */
interface Room extends Record<Action, number> {
  readonly all: number;
}

/**
 * Turns for helper pods: creates before deletes, and of each the first comes first. With one queue
 * per node a dead node delays only its own pods.
 */
export class HelperSlots {
  readonly #limit: SlotLimit;
  readonly #nodes: () => number;
  readonly #queues = new Map<string, Queue>();
  /** Turns on a node, for pods that already have one of their action. */
  readonly #onNode: HelperSlots | undefined;

  /** `nodes` says how many nodes can run helper pods now. */
  constructor(limit: SlotLimit, nodes: () => number) {
    this.#limit = limit;
    this.#nodes = nodes;
    if (limit.per === "node") return;
    const perNode = {
      per: "node",
      get count() {
        return limit.onNode ?? Infinity;
      },
    } as const;
    this.#onNode = new HelperSlots(perNode, nodes);
  }

  /**
   * Waits for a turn. Resolves with the function that ends it; rejects with the signal's reason.
   * `node` is "" where the scheduler chooses: it spreads pods over the nodes, so there is room for
   * as many as on all of them together.
   */
  async take(action: Action, node: string, signal: AbortSignal): Promise<() => void> {
    const end = await this.#take(action, node, signal);
    if (this.#onNode === undefined) return end;
    try {
      const endOnNode = await this.#onNode.take(action, node, signal);
      return () => {
        endOnNode();
        end();
      };
    } catch (error) {
      end();
      throw error;
    }
  }

  async #take(action: Action, node: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const key = this.#limit.per === "node" ? node : action;
    const queue = this.#queues.get(key) ?? {
      running: { create: 0, delete: 0 },
      waiting: { create: new Waiters(), delete: new Waiters() },
    };
    this.#queues.set(key, queue);
    if (isFree(queue, action, this.#roomOn(node))) queue.running[action] += 1;
    else await queue.waiting[action].wait(undefined, signal);

    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      queue.running[action] -= 1;
      serve(queue, this.#roomOn(node));
      if (queue.running.create + queue.running.delete === 0) this.#queues.delete(key);
    };
  }

  #roomOn(node: string): Room {
    const { per, count } = this.#limit;
    if (per === "action") return { all: count, create: count, delete: count };
    const all = node === "" ? count * Math.max(this.#nodes(), 1) : count;
    return { all, create: all, delete: Math.max(1, Math.floor(all * SHARE_OF_DELETES)) };
  }
}

function isFree({ running }: Queue, action: Action, room: Room): boolean {
  return running.create + running.delete < room.all && running[action] < room[action];
}

/** Gives free turns to waiters at once, so that no newcomer can take them first. */
function serve(queue: Queue, room: Room): void {
  for (const action of ["create", "delete"] as const) {
    queue.waiting[action].release(() => {
      if (!isFree(queue, action, room)) return false;
      queue.running[action] += 1;
      return true;
    });
  }
}
