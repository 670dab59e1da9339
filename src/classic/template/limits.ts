import { GoError } from "./error.ts";

/**
 * Go runs a template for as long, and lets it grow as far, as it likes. A provisioner must not: it serves every claim of
 * the cluster, so an endless pattern ends in an error here. No sensible pattern comes near these numbers.
 */
export const MAX_STEPS = 2_000_000;

/** Bytes a template may produce: its output and all that print, printf, html… make on the way, taken together. */
export const MAX_BYTES = 32 * 1024 * 1024;

/** Go's own limit: templates that call templates. Reached by endless recursion only. */
export const MAX_TEMPLATE_DEPTH = 100_000;

/** What one execution may still spend. */
export class Budget {
  #steps = MAX_STEPS;
  #bytes = MAX_BYTES;

  step(): void {
    this.#steps -= 1;
    if (this.#steps < 0) throw new GoError(`the template runs for more than ${MAX_STEPS} steps`);
  }

  bytes(count: number): void {
    this.#bytes -= count;
    if (this.#bytes < 0) throw new GoError(`the template produces more than ${MAX_BYTES} bytes`);
  }
}
