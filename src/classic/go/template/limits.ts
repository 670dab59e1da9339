import { ValueError } from "./error.ts";

/**
 * Go runs a template for as long, and lets it grow as far, as it likes. A provisioner must not: it
 * serves every claim of the cluster, so an endless pattern ends in an error here. No sensible
 * pattern comes near these numbers.
 */
export const MAX_STEPS = 2_000_000;

/** Characters a template may produce: its output, and all that print, html… make on the way. */
export const MAX_LENGTH = 8 * 1024 * 1024;

/** How deep parentheses, and blocks, may nest: JavaScript's stack is sure to hold that. */
export const MAX_NESTING = 500;

/** What one execution may still spend. */
export class Budget {
  #steps = MAX_STEPS;
  #length = MAX_LENGTH;

  step(): void {
    this.#steps -= 1;
    if (this.#steps < 0) throw new ValueError(`the template runs for more than ${MAX_STEPS} steps`);
  }

  /** Accounts for a text and returns it. */
  spend(text: string): string {
    this.#length -= text.length;
    if (this.#length < 0) throw new ValueError(`the template produces more than ${MAX_LENGTH} characters`);
    return text;
  }
}
