import type { Clock } from "../../../effects/clock.ts";
import type { Random } from "../../../effects/random.ts";
import type { LabUser } from "../request.ts";

interface Issued {
  readonly user: LabUser;
  /** On the wall clock. */
  readonly expiresAt: number;
}

/**
 * Bearer tokens: those that were configured and those that the lab has issued. They are valid in
 * this lab only.
 */
export class Tokens {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #known = new Map<string, Issued>();

  constructor(deps: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
  }

  add(token: string, user: LabUser): void {
    this.#known.set(token, { user, expiresAt: Infinity });
  }

  /** Issues a token that is valid for `seconds`. */
  issue(user: LabUser, seconds: number): { token: string; expiresAt: number } {
    const token = `lab-${this.#random.uuid()}`;
    const expiresAt = this.#clock.now() + seconds * 1000;
    this.#known.set(token, { user, expiresAt });
    return { token, expiresAt };
  }

  /** The user of a token; undefined when it is unknown or has expired. */
  userOf(token: string): LabUser | undefined {
    const issued = this.#known.get(token);
    return issued === undefined || issued.expiresAt <= this.#clock.now() ? undefined : issued.user;
  }
}
