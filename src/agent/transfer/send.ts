import type { Duplex } from "node:stream";
import { transferErrors } from "./errors.ts";
import { Reading } from "./passes/figures.ts";
import { SourceMemory } from "./passes/source-memory.ts";
import type { Pace } from "./content/contents.ts";
import { run } from "./tree/flow.ts";
import { scan } from "./tree/scan.ts";
import { sameSummary, Summarizer, type TreeSummary } from "./tree/summary.ts";
import { Channel } from "./wire/channel.ts";
import { receiveDone, receiveLacking, sendStep, sendSummary } from "./wire/messages.ts";

/** The options of `send`. `pass` and `base` come from the target's request. */
export interface SendOptions {
  /**
   * The name of a live pass, during which the tree is being written. Undefined: the tree is sealed.
   */
  readonly pass?: string | undefined;
  /** The last live pass of which the target has records. Undefined: there is none. */
  readonly base?: string | undefined;
  /** The memory of this copy. Without it nothing is known of earlier passes. */
  readonly memory?: SourceMemory | undefined;
  /** How fast files may be read, and therefore sent. */
  readonly pace?: Pace | undefined;
  /**
   * Whether the target wants the figures of a live pass at its end. A target that is too old to ask
   * for them would not understand them.
   */
  readonly figures?: boolean | undefined;
}

/**
 * Sends the tree below the directory `root` and waits until the target has it, durable and read
 * back. At the end the stream is ended. If something fails or the signal aborts, it is destroyed.
 */
export async function send(
  root: number,
  stream: Duplex,
  signal: AbortSignal,
  { base, figures = false, memory = new SourceMemory(), pace: limit, pass }: SendOptions = {},
): Promise<TreeSummary> {
  const channel = new Channel(stream, signal);
  try {
    await channel.writeHeader();
    await channel.flush();
    const lacking = await receiveLacking(channel);
    const reading = pass !== undefined && figures ? new Reading(limit) : undefined;
    const pace = reading?.pace ?? limit;
    const live = pass === undefined ? undefined : await memory.beginLive(root, pass, base, pace, lacking);
    const known = live ?? memory.beginFinal(base, lacking);
    const summarizer = new Summarizer();
    await run(scan(root, signal, { live: pass !== undefined, known, pace }), (step) => {
      if ("entry" in step) summarizer.add(step.entry);
      return sendStep(channel, step);
    });
    const summary = summarizer.result();
    await sendSummary(channel, summary, live && reading?.figures(live.toRead));
    const arrived = await receiveDone(channel);
    if (!sameSummary(summary, arrived)) {
      throw transferErrors.DIGEST_DIFFERS({ path: ".", what: "the target answers with another summary" });
    }
    known.end();
    channel.end();
    return summary;
  } catch (error) {
    channel.destroy();
    signal.throwIfAborted();
    throw error;
  }
}
