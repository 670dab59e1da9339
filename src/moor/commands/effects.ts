import type { Random } from "../../effects/random.ts";
import type { ConnectEffects } from "../cluster/connect.ts";

/** What the commands are handed from outside. */
export interface MoorEffects extends ConnectEffects {
  readonly random: Random;
  /** Standard output: the result. */
  readonly write: (text: string) => void;
  /** Standard error: how far it is. */
  readonly tell: (line: string) => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
