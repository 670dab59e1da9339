import type { Clock } from "../../../effects/clock.ts";
import type { Random } from "../../../effects/random.ts";
import type { LabUser } from "../request.ts";

interface Issued {
  readonly user: LabUser;
  /** On the wall clock. */
  readonly expiresAt: number;
}

/**
 * Bearer tokens: those that the lab was given and those that it has issued. They mean something to
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

  /** Issues a token that is good for so long. */
  issue(user: LabUser, seconds: number): { token: string; expiresAt: number } {
    const token = `lab-${this.#random.uuid()}`;
    const expiresAt = this.#clock.now() + seconds * 1000;
    this.#known.set(token, { user, expiresAt });
    return { token, expiresAt };
  }

  /** Whose token this is; undefined for one that is unknown or has expired. */
  userOf(token: string): LabUser | undefined {
    const issued = this.#known.get(token);
    return issued === undefined || issued.expiresAt <= this.#clock.now() ? undefined : issued.user;
  }
}
