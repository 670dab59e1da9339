/*
 * What the source remembers of the files that a live pass has brought to the target, so that the
 * next live pass neither reads nor sends them again, and the final pass does not send them.
 *
 *   nothing ── a live pass ends, the target has answered ──▶ records of that pass
 *
 * It lives in the agent's memory only. So it holds within one boot, and an agent that was restarted
 * has none and reads everything.
 *
 * The final pass believes no times. Every file of the sealed tree is read once, when it is summed
 * up, and what has the content that the target has is not sent. For the kernel sets the times when
 * a write begins: one that takes longer than any age that is asked for (a direct write on a
 * throttled disk, a direct read into a mapped file) ends without a trace, and a live pass in
 * between has read half of it.
 *
 * A live pass, whose errors the final pass finds, does believe them. A file is unchanged when
 * inode, size, mtime and ctime are those of its record, and the ctime is more than 10 s older than
 * T0. T0 is the ctime of a marker file that was made at the beginning of the pass that read it,
 * before a `syncfs`. The reason is memory that is mapped shared: a store into a page that is dirty
 * already leaves no trace in the inode. After the syncfs every page is clean, and the next store
 * changes the ctime. What was changed shortly before may have become dirty again while the syncfs
 * ran, so it does not count.
 *
 * Everything else is read. Where the read content is what the target has, it is not sent. What was
 * read when the sealed tree was summed up is not read once more by the final pass only to learn
 * that: nobody can write in between, so equal times alone will do there.
 *
 * When in doubt every file is read, and only its content counts: on a file system other than ext4,
 * XFS and Btrfs, when no marker can be made, and when the wall clock was stepped between two
 * passes, for then a later change may have an earlier time.
 */
import { close } from "../../sys/open.ts";
import { SystemError } from "../../sys/libc.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { ContentHash } from "../tree/content-hash.ts";
import { readContents } from "../tree/contents.ts";
import type { TreePath } from "../tree/path.ts";
import { openFile } from "../tree/safe-open.ts";
import { FileRecords, isSame, isSameButForCtime, recordOf } from "./file-records.ts";
import { machineGround, type Ground } from "./ground.ts";
import type { KnownFiles } from "./known-files.ts";

/** How much older than the beginning of its pass a change must be. */
const AGE_NS = 10_000_000_000n;
/** The wall clock may be slewed by this much between two passes. More is a step. */
const STEP_NS = 1_000_000_000n;

interface Reading {
  readonly wallNs: bigint;
  readonly monotonicNs: bigint;
}

interface Remembered {
  readonly pass: string;
  readonly records: FileRecords;
  /** undefined: the times of this pass tell nothing. */
  readonly at: Reading | undefined;
}

/** Before every change time: then none is old enough. */
const NEVER_TRUSTED_NS = -(2n ** 63n);

export class SourceMemory {
  readonly #ground: Ground;
  #remembered: Remembered | undefined;
  /** All files of the sealed tree, as they were summed up. */
  #sealed: FileRecords | undefined;

  constructor(ground: Ground = machineGround) {
    this.#ground = ground;
  }

  /**
   * Begins a live pass. `base` is the pass that the target has records of; undefined: none.
   * Whatever is written to the tree from now on is seen by the next pass.
   */
  async beginLive(root: number, pass: string, base: string | undefined): Promise<SourcePass> {
    this.#sealed = undefined;
    const at = this.#read(root);
    await this.#ground.syncfs(root);
    const next = { pass, records: new FileRecords(), at };
    const known = this.#known(base);
    const trusted = known?.at !== undefined && at !== undefined && !isStepped(known.at, at);
    return new SourcePass({ base: known?.records, trusted, next }, () => {
      this.#remembered = next;
    });
  }

  /** Begins to sum the sealed tree up, once nobody can write to it any more. Every file is read. */
  beginSummary(): SourcePass {
    const next = { pass: "", records: new FileRecords(), at: undefined };
    this.#sealed = undefined;
    return new SourcePass({ base: undefined, trusted: false, next }, () => {
      this.#sealed = next.records;
    });
  }

  /** Begins the pass over the sealed tree. */
  beginFinal(base: string | undefined): SourcePass {
    return new SourcePass({ base: this.#known(base)?.records, trusted: false, sealed: this.#sealed }, () => undefined);
  }

  #known(base: string | undefined): Remembered | undefined {
    return base !== undefined && this.#remembered?.pass === base ? this.#remembered : undefined;
  }

  #read(root: number): Reading | undefined {
    try {
      if (!this.#ground.isTrusted(root)) return undefined;
      return { wallNs: this.#ground.markerNs(root), monotonicNs: this.#ground.monotonicNs() };
    } catch (error) {
      // A full disk, or a file system that makes no file without a name.
      if (error instanceof SystemError) return undefined;
      throw error;
    }
  }
}

function isStepped(before: Reading, now: Reading): boolean {
  const drift = now.wallNs - before.wallNs - (now.monotonicNs - before.monotonicNs);
  return drift > STEP_NS || drift < -STEP_NS;
}

interface PassParts {
  /** What the target has, as this side knows it. */
  readonly base: FileRecords | undefined;
  /** Whether the times of `base` count. */
  readonly trusted: boolean;
  /** What this pass finds. */
  readonly next?: Remembered;
  /** What the sealed tree is known to hold. */
  readonly sealed?: FileRecords | undefined;
}

/** One pass over the source's tree. */
export class SourcePass implements KnownFiles {
  readonly #parts: PassParts;
  readonly #remember: () => void;

  constructor(parts: PassParts, remember: () => void) {
    this.#parts = parts;
    this.#remember = remember;
  }

  /** The content of an unchanged file, without a look at it. */
  unread(path: TreePath, stat: Stat): string | undefined {
    const { base, next, trusted } = this.#parts;
    const record = trusted ? base?.get(path) : undefined;
    if (record === undefined || !isSame(record, stat) || stat.ctimeNs >= record.trustedBeforeNs) return undefined;
    next?.records.set(path, record);
    return record.content;
  }

  /** The content of a file that the target has, as far as that can be known. */
  async content(path: TreePath, looked: number, stat: Stat, signal: AbortSignal): Promise<string | undefined> {
    const unread = this.unread(path, stat);
    if (unread !== undefined) return unread;
    const { base, sealed } = this.#parts;
    const record = base?.get(path);
    if (record === undefined || !isSameButForCtime(record, stat)) return undefined;
    const summed = sealed?.get(path);
    if (summed !== undefined && isSame(summed, stat)) {
      return summed.content === record.content ? record.content : undefined;
    }
    const content = await contentOf(looked, Number(stat.size), signal);
    if (content !== record.content) return undefined;
    this.read(path, stat, statDescriptor(looked), content);
    return content;
  }

  read(path: TreePath, before: Stat, after: Stat, content: string): void {
    const { next } = this.#parts;
    if (next === undefined) return;
    const trustedBeforeNs = next.at === undefined ? NEVER_TRUSTED_NS : next.at.wallNs - AGE_NS;
    const found = recordOf(before, content, trustedBeforeNs);
    // What changed while it was read is neither its old content nor its new one.
    if (isSame(found, after)) next.records.set(path, found);
  }

  /** The target has all of it, durable and read back. */
  end(): void {
    this.#remember();
  }
}

async function contentOf(looked: number, size: number, signal: AbortSignal): Promise<string> {
  const hash = new ContentHash();
  const fd = openFile(looked);
  try {
    for await (const piece of readContents(fd, size)) {
      signal.throwIfAborted();
      hash.update(piece);
    }
    return hash.digest(size);
  } finally {
    close(fd);
  }
}
