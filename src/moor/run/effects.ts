import type { Random } from "../../effects/random.ts";
import type { ConnectEffects } from "../cluster/connect.ts";
import type { Terminal } from "../drain/show/show.ts";

/** Everything that the commands get from outside. */
export interface MoorEffects extends ConnectEffects {
  readonly random: Random;
  /** Standard output: the result. */
  readonly write: (text: string) => void;
  /** Standard error: the progress. */
  readonly tell: (line: string) => void;
  /** Standard error, when it is a terminal whose lines can be written over. */
  readonly terminal?: Terminal | undefined;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
