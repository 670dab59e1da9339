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
 * directory; it stays open and with the caller. Nobody else writes to the target's tree meanwhile.
 * Of the source's tree there are live passes, during which the pod goes on writing, and the final
 * pass, when it is sealed. Only what a final pass has brought is the source's tree.
 *
 * A memory is of one copy: the same one goes along with each of its passes. Without records in it
 * everything is read and sent.
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
  send(root: number, stream: Duplex, signal: AbortSignal, options?: SendOptions): Promise<TreeSummary>;
  /**
   * On the target. Makes the directory equal to the source's, whatever an earlier try has left in
   * it. Resolves when the tree is durable, read back and equal. Uses up the stream.
   */
  receive(
    root: number,
    stream: Duplex,
    signal: AbortSignal,
    progress: (progress: Progress) => void,
    options?: ReceiveOptions,
  ): Promise<TreeSummary>;
  /**
   * Sums a sealed tree up. Equal trees have equal summaries. Reads all of it; with `memory` the
   * final pass needs to read no file again that it does not send.
   */
  summarize(root: number, signal: AbortSignal, memory?: SourceMemory): Promise<TreeSummary>;
}

/** The engine of the agents: one file after the other. */
export function copyEngine(): CopyEngine {
  return { findUnmovable, send, receive, summarize };
}

async function summarize(root: number, signal: AbortSignal, memory?: SourceMemory): Promise<TreeSummary> {
  const summarizer = new Summarizer();
  const known = memory?.beginSummary();
  await run(scan(root, signal, known === undefined ? {} : { known }), (step) => {
    if ("entry" in step) summarizer.add(step.entry);
    return undefined;
  });
  known?.end();
  return summarizer.result();
}
