/** How many helper pods may run at once: so many on each node, or (as the original's --worker-threads) so many creates and so many deletes in all. */
export type SlotLimit =
  { readonly per: "node"; readonly count: number } | { readonly per: "action"; readonly count: number };

/** Without --worker-threads: enough to keep a kubelet busy, few enough that its other pods still start. */
export const DEFAULT_SLOTS: SlotLimit = { per: "node", count: 16 };

interface Queue {
  running: number;
  readonly waiting: (() => void)[];
}

/** Turns for helper pods, first come first served. With one queue per node a dead node delays nobody but itself. */
export class HelperSlots {
  readonly #limit: SlotLimit;
  readonly #nodes: () => number;
  readonly #queues = new Map<string, Queue>();

  /** `nodes` says how many nodes can run helper pods now. */
  constructor(limit: SlotLimit, nodes: () => number) {
    this.#limit = limit;
    this.#nodes = nodes;
  }

  /**
   * Waits for a turn. Resolves with the function that ends it; rejects with the signal's reason. `node` is "" where the scheduler chooses: it spreads pods over the nodes, so there is room for as many as on all of
   * them together.
   */
  async take(action: "create" | "delete", node: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const { per, count } = this.#limit;
    const key = per === "node" ? node : action;
    const room = per === "node" && node === "" ? count * Math.max(this.#nodes(), 1) : count;
    const queue = this.#queues.get(key) ?? { running: 0, waiting: [] };
    this.#queues.set(key, queue);
    if (queue.running >= room) await turn(queue, signal);
    else queue.running++;

    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      // The turn passes on without being given back: nobody can slip in between.
      const next = queue.waiting.shift();
      if (next !== undefined) {
        next();
        return;
      }
      queue.running--;
      if (queue.running === 0) this.#queues.delete(key);
    };
  }
}

function turn(queue: Queue, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      queue.waiting.splice(queue.waiting.indexOf(go), 1);
      reject(signal.reason as Error);
    };
    const go = (): void => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    queue.waiting.push(go);
  });
}
