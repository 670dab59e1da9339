import { Waiters } from "../../../kube/waiters.ts";

type Worker = "volumes" | "claims";

/**
 * Holds the binder's workers, as load does in a large cluster. It also holds those of a new binder
 * after a restart.
 */
export class BinderFaults {
  readonly #held = new Set<Worker>();
  readonly #waiters = new Waiters<Worker>();

  /** From now on this worker takes nothing out of its queue. */
  hold(worker: Worker): void {
    this.#held.add(worker);
  }

  release(worker: Worker): void {
    this.#held.delete(worker);
    this.#waiters.release((waiting) => waiting === worker);
  }

  /** Resolves when the worker may go on; at once when it is not held or the signal is aborted. */
  async passed(worker: Worker, signal: AbortSignal): Promise<void> {
    while (this.#held.has(worker) && !signal.aborted) {
      await this.#waiters.wait(worker, signal).catch(() => undefined);
    }
  }
}
