import type { Duplex } from "node:stream";
import { receive, type Progress } from "./receive.ts";
import { send } from "./send.ts";
import { list } from "./tree/scan.ts";
import { Summarizer, type TreeSummary } from "./tree/summary.ts";
import { findUnmovable, type Unmovable } from "./unmovable.ts";

/**
 * Copies a volume's tree from one agent to another. A `root` is a descriptor of the copy's data
 * directory; it stays open and with the caller. Nobody else writes to either tree meanwhile: the
 * source is sealed, the target incoming.
 *
 * Everything ends with the signal's reason when it aborts. Errors that a user may see have codes
 * (errors.ts).
 */
export interface CopyEngine {
  /**
   * What stands in the way of a move, the first few. Asked before a move begins; the pod may still
   * write.
   */
  findUnmovable(root: number, signal: AbortSignal): Promise<readonly Unmovable[]>;
  /**
   * On the source. Resolves when the target has answered that everything is durable and equal. Uses
   * up the stream.
   */
  send(root: number, stream: Duplex, signal: AbortSignal): Promise<TreeSummary>;
  /**
   * On the target. Makes the directory equal to the source's, whatever an earlier try has left in
   * it. Resolves when the tree is durable, read back and equal. Uses up the stream.
   */
  receive(
    root: number,
    stream: Duplex,
    signal: AbortSignal,
    progress: (progress: Progress) => void,
  ): Promise<TreeSummary>;
  /** Reads a whole tree. Equal trees have equal summaries. */
  summarize(root: number, signal: AbortSignal): Promise<TreeSummary>;
}

/** The engine that copies sealed trees, one file after the other. */
export function coldCopyEngine(): CopyEngine {
  return { findUnmovable, send, receive, summarize };
}

async function summarize(root: number, signal: AbortSignal): Promise<TreeSummary> {
  const summarizer = new Summarizer();
  for await (const entry of list(root, signal)) summarizer.add(entry);
  return summarizer.result();
}
