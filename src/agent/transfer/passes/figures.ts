import { performance } from "node:perf_hooks";
import * as z from "zod";
import type { Pace } from "../content/contents.ts";

/**
 * What the source reports at the end of a live pass. A later version may add fields: the target
 * ignores those that it does not know.
 */
export const passFigures = z.object({
  /** Bytes of files that it has read, whether it sent them or not. Holes are not counted. */
  read: z.int().nonnegative(),
  /**
   * Bytes that would be read below the seal, when the tree is summarized: those of the files that
   * are not proven. Files that the pod changes from now on come in addition.
   */
  toRead: z.int().nonnegative(),
  /** Milliseconds of the pass in which a speed limit has delayed the reading. */
  heldMs: z.number().nonnegative(),
});

export type PassFigures = z.infer<typeof passFigures>;

/** Counts what a pass reads, and how long its limit makes it wait. */
export class Reading {
  /** To be called before each piece is read, in place of the pass's own pace. */
  readonly pace: Pace;
  #bytes = 0;
  #heldMs = 0;

  constructor(pace: Pace | undefined) {
    this.pace = async (bytes, signal) => {
      this.#bytes += bytes;
      if (pace === undefined) return;
      const before = performance.now();
      await pace(bytes, signal);
      this.#heldMs += performance.now() - before;
    };
  }

  /** `toRead`: see PassFigures. */
  figures(toRead: number): PassFigures {
    return { read: this.#bytes, toRead, heldMs: Math.round(this.#heldMs) };
  }
}
