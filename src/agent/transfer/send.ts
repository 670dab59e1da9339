import type { Duplex } from "node:stream";
import { transferErrors } from "./errors.ts";
import { scan } from "./tree/scan.ts";
import { sameSummary, Summarizer, type TreeSummary } from "./tree/summary.ts";
import { Channel } from "./wire/channel.ts";
import { receiveDone, sendStep, sendSummary } from "./wire/messages.ts";

/**
 * Sends the tree below the directory `root` and waits until the target has it, durable and read
 * back. Uses up the stream: it is ended, or destroyed when something fails or the signal aborts.
 */
export async function send(root: number, stream: Duplex, signal: AbortSignal): Promise<TreeSummary> {
  const channel = new Channel(stream, signal);
  try {
    await channel.writeHeader();
    const summarizer = new Summarizer();
    for await (const step of scan(root, signal)) {
      await sendStep(channel, step);
      if (step.kind === "close") summarizer.add(step.entry);
    }
    const summary = summarizer.result();
    await sendSummary(channel, summary);
    const arrived = await receiveDone(channel);
    if (!sameSummary(summary, arrived)) {
      throw transferErrors.DIGEST_DIFFERS({ path: ".", what: "the target answers with another summary" });
    }
    channel.end();
    return summary;
  } catch (error) {
    channel.destroy();
    signal.throwIfAborted();
    throw error;
  }
}
