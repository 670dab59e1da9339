import type { Clock } from "../effects/clock.ts";
import type { Files } from "../effects/files.ts";
import type { Random } from "../effects/random.ts";
import type { Log } from "../observe/log.ts";
import type { Product } from "./product.ts";
import type { Interrupts } from "./interrupts.ts";
import type { Printer } from "./timeline/printer.ts";

/** What a run of the demo is given from outside. */
export interface DemoWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly log: Log;
  readonly printer: Printer;
  readonly interrupts: Interrupts;
  /** Where the shipped manifests are. */
  readonly manifests: string;
  /**
   * The built programs that the product's image is played by, by the names that its commands have.
   */
  readonly programs: Readonly<Record<Product["program"], string>>;
  /** The whole of standard input. */
  readonly readInput: () => Promise<string>;
  /** Writes to standard output. */
  readonly write: (text: string) => void;
  /**
   * Is told how to clean up at once, for the case that this process must end before the run has.
   */
  readonly onAbandon: (cleanUp: () => void) => void;
}
