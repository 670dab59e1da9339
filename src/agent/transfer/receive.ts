/*
 * The target's side of a transfer, in this order:
 *
 * 0. The target tells the source which files it lacks of the pass that it asked to continue. If
 *    that pass broke, a `syncfs` comes before: a file that has arrived in it counts only when it
 *    was read from the disk after that, once the source says that it has not changed.
 * 1. Every step is applied as it arrives (target-tree.ts). A crash leaves a partial tree, which the
 *    next transfer makes equal.
 * 2. The summary of the arrived entries must be that of the source. Until then anything may be
 *    missing or damaged.
 * 3. `syncfs`, or in most final passes a barrier that does not wait for other pods' data
 *    (target/barrier.ts): from here on a power cut loses nothing.
 * 4. The whole tree is read back and compared entry by entry. It is read from the disk, as far as
 *    its pages can be dropped from the cache. The content of a kept file is not read again, because
 *    it was read back in an earlier pass of this boot. Of a patched file only the chunks that came
 *    are read. A kept file that was looked at in step 1, and found to be as it was sent, must only
 *    be in the same state still (docs/adr/0008).
 * 5. `done` goes to the source. If it is lost, the source learns of the success when the target
 *    asks to continue that pass.
 */
import type { Duplex } from "node:stream";
import { CodedError } from "../../observe/errors.ts";
import { DigestLog } from "./digest-log.ts";
import { transferErrors } from "./errors.ts";
import type { PassFigures } from "./passes/figures.ts";
import { TargetMemory, type TargetPass } from "./passes/target-memory.ts";
import { makeDurable } from "./target/barrier.ts";
import { naming } from "./target/naming.ts";
import { TargetTree } from "./target/target-tree.ts";
import { MOST_WRITTEN, WrittenFiles } from "./target/written-files.ts";
import { entryDigest, type Entry } from "./tree/entry.ts";
import { pathText } from "./tree/path.ts";
import { run } from "./tree/flow.ts";
import { scan, type IsCounted } from "./tree/scan.ts";
import { sameSummary, Summarizer, type TreeSummary } from "./tree/summary.ts";
import { Channel } from "./wire/channel.ts";
import { receiveHere, receiveMessage, sendDone, sendLacking, type Message } from "./wire/messages.ts";

/** The progress of a transfer so far. */
export interface Progress {
  readonly entries: number;
  /** Bytes of data that have arrived. Holes are not counted. */
  readonly bytes: number;
  /** Bytes of files, or parts of files, that the target already had. */
  readonly kept: number;
  /** What the source reports at the end of a live pass, if its agent is not too old. */
  readonly source?: PassFigures;
  /**
   * At the end: whether the pass waited until all dirty data of that file system was on the disk,
   * also that of other pods (target/barrier.ts).
   */
  readonly waitedForOthers?: boolean;
}

export type Barrier = typeof makeDurable;

export interface ReceiveOptions {
  /**
   * The name of a live pass, during which the source is being written. Undefined: the source is
   * sealed.
   */
  readonly pass?: string | undefined;
  /** The memory of this copy. Without it nothing is known of earlier passes. */
  readonly memory?: TargetMemory | undefined;
  /**
   * Ends the pass with TRANSFER_NOT_PATCHED before it patches a file of which more than this many
   * bytes could stay: if the pass broke while it patches, they would have to be sent again.
   * @default no limit
   */
  readonly patchesAtMost?: number | undefined;
  /** Waits until the tree is durable (`makeDurable`). Tests pass a substitute. */
  readonly barrier?: Barrier;
}

/**
 * Makes the directory `root` equal to the tree that the source sends. Ends or destroys the stream,
 * as `send` does. The caller has the lock of the directory (moves/jobs/target-jobs.ts).
 */
export async function receive(
  root: number,
  stream: Duplex,
  signal: AbortSignal,
  progress: (progress: Progress) => void,
  { barrier = makeDurable, memory = new TargetMemory(), pass: name, patchesAtMost }: ReceiveOptions = {},
): Promise<TreeSummary> {
  const channel = new Channel(stream, signal);
  const pass = memory.begin(name);
  const written = new WrittenFiles(pass.restsOnBarrier ? MOST_WRITTEN : 0);
  const durable = async (known?: WrittenFiles): Promise<void> => {
    try {
      await naming([], () => barrier(root, known));
    } catch (error) {
      // The kernel reports a failed write only once. The next barrier would report success.
      memory.forget();
      throw error;
    }
  };
  try {
    await channel.readHeader();
    if (memory.hasUnread) await durable();
    await sendLacking(channel, memory.lacking);
    const tree = new TargetTree(root, pass, written, signal, patchesAtMost);
    const { arrived, digests, summary } = await apply(tree, channel, progress, pass);
    channel.expectNothingMore();
    await durable(pass.restsOnBarrier ? written : undefined);
    progress({ ...arrived, waitedForOthers: !written.isSynced });
    await readBack(root, digests, signal, pass);
    pass.end();
    await sendDone(channel, summary);
    await channel.expectEnd();
    channel.end();
    return summary;
  } catch (error) {
    channel.destroy();
    // Also when the transfer is aborted: the memory may be handed to the next process.
    if (error instanceof CodedError && FORGETS.has(error.code)) memory.forget();
    signal.throwIfAborted();
    throw error;
  } finally {
    written.close();
  }
}

/**
 * After these errors the memory is wrong. It is emptied, so that the next transfer brings
 * everything.
 */
const FORGETS: ReadonlySet<string> = new Set(["TRANSFER_NOT_KEPT", "TRANSFER_DIGEST_DIFFERS"]);

async function apply(
  tree: TargetTree,
  channel: Channel,
  progress: (progress: Progress) => void,
  pass: TargetPass,
): Promise<{ arrived: Progress; digests: DigestLog; summary: TreeSummary }> {
  const summarizer = new Summarizer();
  const digests = new DigestLog();
  const completed = (entry: Entry): void => {
    digests.add(summarizer.add(entry));
    pass.passed(entry);
  };
  let bytes = 0;
  let kept = 0;
  /** Only for a patched file: the bytes that have not come. */
  let patched = 0;
  try {
    for (;;) {
      const message = receiveHere(channel) ?? (await receiveMessage(channel));
      if (message.kind === "summary") {
        if (!tree.complete) throw transferErrors.WIRE_INVALID({ why: "a summary before the end of the tree" });
        if (!sameSummary(message.summary, summarizer.result())) {
          throw transferErrors.DIGEST_DIFFERS({ path: ".", what: "the source's summary is not that of what arrived" });
        }
        const { figures: source, summary } = message;
        const told = source === undefined ? {} : { source };
        return { arrived: { entries: digests.length, bytes, kept, ...told }, digests, summary };
      }
      if (message.kind === "small" || message.kind === "kept") {
        const entry = naming([...tree.path, message.name], () =>
          message.kind === "small" ? tree.small(message) : tree.kept(message),
        );
        completed(entry instanceof Promise ? await entry : entry);
        if (message.kind === "small") bytes += message.bytes.length;
        else kept += message.head.size ?? 0;
      } else await step(tree, message, completed);
      if (message.kind === "data") {
        bytes += message.bytes.length;
        patched = Math.max(0, patched - message.bytes.length);
      }
      if (message.kind === "open" && message.kept !== undefined) kept += message.head.size ?? 0;
      if (message.kind === "open") patched = message.patches === undefined ? 0 : (message.head.size ?? 0);
      if (message.kind === "close") {
        kept += patched;
        patched = 0;
      }
      progress({ entries: digests.length, bytes, kept });
    }
  } finally {
    await tree.dispose();
  }
}

async function step(
  tree: TargetTree,
  message: Exclude<Message, { kind: "summary" | "small" | "kept" }>,
  completed: (entry: Entry) => void,
): Promise<void> {
  const path = message.kind === "open" && message.name.length > 0 ? [...tree.path, message.name] : tree.path;
  await naming(path, async () => {
    switch (message.kind) {
      case "open":
        await tree.open(message.name, message.head, message);
        return;
      case "data":
      case "zeros":
        await tree.change(message);
        return;
      case "xattr":
        await tree.xattr(message.name, message.value);
        return;
      case "close":
        completed(await tree.close(message.content));
    }
  });
}

async function readBack(root: number, digests: DigestLog, signal: AbortSignal, known: TargetPass): Promise<void> {
  let place = 0;
  const isCounted: IsCounted = (path, look) => known.isCounted(path, look);
  await run(scan(root, signal, { fromDisk: true, known, isCounted }), (step) => {
    if (step.kind === "counted") {
      // Every name that was not counted has its own place, so with equal numbers this one has too.
      place += 1;
      known.keepCounted(step.path);
    } else if ("entry" in step && !digests.agrees(place++, entryDigest(step.entry))) {
      const what = "what lies on the disk is not what arrived";
      throw transferErrors.DIGEST_DIFFERS({ path: pathText(step.entry.path), what });
    }
    return undefined;
  });
  if (place !== digests.length) {
    throw transferErrors.DIGEST_DIFFERS({ path: ".", what: "entries are missing on the disk" });
  }
}
