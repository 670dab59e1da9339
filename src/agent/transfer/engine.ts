import type { Duplex } from "node:stream";
import type { SourceMemory } from "./passes/source-memory.ts";
import { receive, type Progress, type ReceiveOptions } from "./receive.ts";
import { send, type SendOptions } from "./send.ts";
import { run } from "./tree/flow.ts";
import { scan } from "./tree/scan.ts";
import { Summarizer, type TreeSummary } from "./tree/summary.ts";
import { findUnmovable, type Unmovable } from "./unmovable.ts";

/**
 * Copies a volume's tree from one agent to another. A `root` is a descriptor of the copy's data
 * directory. The caller owns it and keeps it open. Nobody else may write to the target's tree
 * meanwhile. During a live pass the pod goes on writing to the source's tree. In the final pass the
 * tree is sealed. Only a final pass makes the target equal to the source.
 *
 * A memory belongs to one copy: give the same one to each of its passes. Without records in it
 * everything is read and sent.
 *
 * Everything ends with the signal's reason when it aborts. Errors that a user may see have codes
 * (errors.ts).
 */
export interface CopyEngine {
  /**
   * The first few entries that prevent a move. Called before a move begins; the pod may still
   * write.
   */
  findUnmovable(root: number, signal: AbortSignal): Promise<readonly Unmovable[]>;
  /**
   * Runs on the source. Resolves when the target has answered that everything is durable and equal.
   * Ends or destroys the stream.
   */
  send(root: number, stream: Duplex, signal: AbortSignal, options?: SendOptions): Promise<TreeSummary>;
  /**
   * Runs on the target. Makes the directory equal to the source's, whatever an earlier try has left
   * in it. Resolves when the tree is durable, read back and equal. Ends or destroys the stream.
   */
  receive(
    root: number,
    stream: Duplex,
    signal: AbortSignal,
    progress: (progress: Progress) => void,
    options?: ReceiveOptions,
  ): Promise<TreeSummary>;
  /**
   * Makes the summary of a sealed tree. Equal trees have equal summaries. Reads every file, but
   * with `memory` not those that are proven (passes/source-passes.ts). The final pass then reads
   * only the files that it sends. Rejects with UNMOVABLE if a copy cannot have some
   * entry, and with SOURCE_OPEN if somebody has a file that is read open for writing.
   */
  summarize(root: number, signal: AbortSignal, memory?: SourceMemory): Promise<TreeSummary>;
}

/** The engine of the agents. It copies one file after another. */
export function copyEngine(): CopyEngine {
  return { findUnmovable, send, receive, summarize };
}

async function summarize(root: number, signal: AbortSignal, memory?: SourceMemory): Promise<TreeSummary> {
  const summarizer = new Summarizer();
  const known = memory?.beginSummary();
  const options = known === undefined ? {} : { known };
  await run(scan(root, signal, { ...options, ofSealedSource: true }), (step) => {
    if ("entry" in step) summarizer.add(step.entry);
    return undefined;
  });
  known?.end();
  return summarizer.result();
}
