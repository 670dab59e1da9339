import type { Random } from "../../effects/random.ts";
import type { ConnectEffects } from "../cluster/connect.ts";
import type { Terminal } from "../drain/show/show.ts";

/** What the commands are handed from outside. */
export interface MoorEffects extends ConnectEffects {
  readonly random: Random;
  /** Standard output: the result. */
  readonly write: (text: string) => void;
  /** Standard error: how far it is. */
  readonly tell: (line: string) => void;
  /** Standard error, when it is a terminal whose lines can be written over. */
  readonly terminal?: Terminal | undefined;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
