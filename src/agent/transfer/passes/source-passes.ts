/*
 * The passes over the source's tree, and the files that each of them takes for unchanged. There are
 * three degrees of knowledge about a file's content, from weak to strong:
 *
 * believed  Inode, size, mtime and ctime are those of the record, and the ctime is more than 10 s
 *           older than the pass that read the file, which began with a `syncfs`. The syncfs is
 *           needed because a store into a mapped page that is already dirty leaves no trace; after
 *           the syncfs every page is clean. The belief is wrong when a write takes longer than
 *           10 s: the kernel sets the times when a write begins, and a direct write on a throttled
 *           disk, or a direct read into a mapped page, ends without a trace. So only a live pass
 *           believes, and the final pass finds its errors.
 *
 * proven    The times are the same. Before the file was read nobody had it open for writing (a read
 *           lease), and its state was the same, with a ctime some seconds old. So every write that
 *           changed it later was begun later, by a process that opened it later, and has set
 *           another ctime. Every way to write counts as open: a descriptor, a shared mapping, a
 *           direct write that is in progress. One case is not covered: the disk writes into pages
 *           of a mapping that is unmapped during that write (docs/adr/0006).
 *
 * read      The content was read and summed up while the tree was sealed.
 *
 * A commit rests on the last two alone. On file systems other than ext4, XFS and Btrfs, or when no
 * marker can be made, nothing is believed and nothing is proven.
 */
import { close } from "../../sys/open.ts";
import { dataBytes, statDescriptor, type Stat } from "../../sys/stat.ts";
import type { Base } from "../content/changes.ts";
import type { Content } from "../content/content-hash.ts";
import type { Pace, ReadOptions } from "../content/contents.ts";
import { readPastCache } from "../content/disk-file.ts";
import { HashAside, hashAll } from "../content/hash-aside.ts";
import type { TreePath } from "../tree/path.ts";
import { openFile } from "../tree/safe-open.ts";
import { isSame, isSameButForCtime, recordOf, stateless, type FileRecord, type FileRecords } from "./file-records.ts";
import type { Ground } from "./ground.ts";
import type { KnownFiles } from "./known-files.ts";
import type { TargetFiles } from "./target-files.ts";

/** How much older than the beginning of its pass a change must be to be believed. */
const BELIEVED_AGE_NS = 10_000_000_000n;
/**
 * How much older a change must be for a proof, because a later change must get another time. The
 * clocks of file systems tick in milliseconds, or in whole seconds on an ext4 with small inodes,
 * and the wall clock may be set back by one second unnoticed.
 */
const PROVEN_AGE_NS = 2_000_000_000n;
/** Earlier than every change time, so that none is old enough. */
const NEVER_NS = -(2n ** 63n);

/** The clocks at the beginning of a pass. */
export interface Reading {
  readonly wallNs: bigint;
  readonly monotonicNs: bigint;
}

/** A pass while the pod runs and writes. */
export class LivePass implements KnownFiles {
  /**
   * Records must be made in the order of the tree, because the target's count of arrived files
   * relies on it, and the pod may put another file under the name.
   */
  readonly knowsByName = false;
  readonly #base: TargetFiles;
  readonly #trusted: boolean;
  readonly #next: FileRecords;
  readonly #at: Reading | undefined;
  readonly #ground: Ground;
  readonly #pace: Pace | undefined;
  readonly #remember: () => void;
  #toRead = 0;

  constructor(
    parts: {
      /** What the target has, as this side knows it. */
      readonly base: TargetFiles;
      /** Whether the times of `base` count. */
      readonly trusted: boolean;
      /** Gets the records of this pass. */
      readonly next: FileRecords;
      /** Undefined: times prove nothing for this pass. */
      readonly at: Reading | undefined;
      readonly ground: Ground;
      /** How fast it may read files that it only compares with their records. */
      readonly pace?: Pace | undefined;
    },
    remember: () => void,
  ) {
    this.#base = parts.base;
    this.#trusted = parts.trusted;
    this.#next = parts.next;
    this.#at = parts.at;
    this.#ground = parts.ground;
    this.#pace = parts.pace;
    this.#remember = remember;
  }

  /** Bytes of the files so far that would be read below the seal. */
  get toRead(): number {
    return this.#toRead;
  }

  lacks(path: TreePath, stat: Stat): boolean {
    return lacksRecord(this.#base, path, stat);
  }

  bareContent(path: TreePath, stat: Stat, isBare: () => boolean): string | undefined {
    const record = this.#base.get(path);
    const isProven = this.#trusted && record?.proven === true && isSame(record, stat);
    return isProven && isBare() ? this.#keep(path, record, stat) : undefined;
  }

  /**
   * The content of a file that the target has. A file that is only believed is read if the read
   * proves it.
   */
  async content(path: TreePath, looked: number, stat: Stat, signal: AbortSignal): Promise<string | undefined> {
    const record = this.#base.get(path);
    if (record === undefined || !isSameButForCtime(record, stat)) return undefined;
    const same = this.#trusted && isSame(record, stat);
    if (same && record.proven) return this.#keep(path, record, stat);
    const fd = openFile(looked);
    try {
      const proven = this.proves(fd, stat);
      if (!proven && same && stat.ctimeNs < record.believedBeforeNs) return this.#keep(path, record, stat);
      const content = await contentOf(fd, Number(stat.size), { signal, pace: this.#pace });
      if (content.digest !== record.content) return undefined;
      this.read(path, stat, statDescriptor(looked), content, proven);
      return content.digest;
    } finally {
      close(fd);
    }
  }

  base(path: TreePath, stat: Stat): Base | undefined {
    return this.#base.base(path, stat);
  }

  proves(fd: number, stat: Stat): boolean {
    if (this.#at === undefined || stat.ctimeNs >= this.#at.wallNs - PROVEN_AGE_NS) return false;
    const now = this.#ground.statUnwritten(fd);
    return now !== undefined && isSame(recordOf(stat, { digest: "" }), now);
  }

  read(path: TreePath, before: Stat, after: Stat, content: Content, proven: boolean): void {
    const believedBeforeNs = this.#at === undefined ? NEVER_NS : this.#at.wallNs - BELIEVED_AGE_NS;
    const found = recordOf(before, content, { believedBeforeNs, proven });
    // If the file changed during the read, the content is neither the old nor the new one. But it
    // is what the target gets, chunk by chunk.
    this.#record(path, isSame(found, after) ? found : stateless(found), before);
  }

  /** Called when the target has the whole tree, durable and read back. */
  end(): void {
    this.#remember();
  }

  #keep(path: TreePath, record: FileRecord, stat: Stat): string {
    this.#record(path, record, stat);
    return record.content;
  }

  #record(path: TreePath, record: FileRecord, stat: Stat): void {
    this.#next.set(path, record);
    const isRecorded = this.#next.rowOf(path) !== undefined;
    if (!record.proven || !isRecorded) this.#toRead += dataBytes(stat);
  }
}

/** The summary of the sealed tree. Reads every file that is not proven. */
export class SummaryPass implements KnownFiles {
  readonly #known: FileRecords | undefined;
  readonly #next: FileRecords;
  readonly #remember: () => void;
  readonly knowsByName: boolean;

  constructor(known: FileRecords | undefined, next: FileRecords, remember: () => void) {
    this.knowsByName = known !== undefined;
    this.#known = known;
    this.#next = next;
    this.#remember = remember;
  }

  lacks(path: TreePath, stat: Stat): boolean {
    return lacksRecord(this.#known, path, stat);
  }

  bareContent(path: TreePath, stat: Stat, isBare: () => boolean): string | undefined {
    const record = this.#proven(path, stat);
    if (record === undefined || !isBare()) return undefined;
    this.#next.set(path, { ...record, bare: true });
    return record.content;
  }

  content(path: TreePath, _looked: number, stat: Stat): Promise<string | undefined> {
    const record = this.#proven(path, stat);
    if (record !== undefined) this.#next.set(path, { ...record, bare: false });
    return Promise.resolve(record?.content);
  }

  #proven(path: TreePath, stat: Stat): FileRecord | undefined {
    const record = this.#known?.get(path);
    return record?.proven === true && isSame(record, stat) ? record : undefined;
  }

  base(): undefined {
    return undefined;
  }

  proves(): boolean {
    return false;
  }

  read(path: TreePath, before: Stat, _after: Stat, content: Content, _proven = false, bare = false): void {
    this.#next.set(path, recordOf(before, content, { bare }));
  }

  /** Called when the whole tree was summed up. */
  end(): void {
    this.#remember();
  }
}

/** The pass over the sealed tree. A file whose content the target has is not sent. */
export class FinalPass implements KnownFiles {
  readonly #base: TargetFiles;
  readonly #sealed: FileRecords | undefined;
  readonly knowsByName: boolean;

  /** @param sealed The records from the summary. A file that is not in it is read. */
  constructor(base: TargetFiles, sealed: FileRecords | undefined) {
    this.knowsByName = sealed !== undefined;
    this.#base = base;
    this.#sealed = sealed;
  }

  lacks(path: TreePath, stat: Stat): boolean {
    return lacksRecord(this.#base, path, stat);
  }

  bareContent(path: TreePath, stat: Stat, isBare: () => boolean): string | undefined {
    const record = this.#base.get(path);
    if (record === undefined || !isSameButForCtime(record, stat)) return undefined;
    const summed = this.#summed(path, stat);
    if (summed?.content !== record.content) return undefined;
    // The summary has looked at the attributes, and nobody could change them since then.
    return summed.bare || isBare() ? record.content : undefined;
  }

  async content(path: TreePath, looked: number, stat: Stat, signal: AbortSignal): Promise<string | undefined> {
    const record = this.#base.get(path);
    if (record === undefined || !isSameButForCtime(record, stat)) return undefined;
    const content = this.#summed(path, stat)?.content ?? (await readAll(looked, stat, signal));
    return content === record.content ? content : undefined;
  }

  /** The records of the summary show which chunks have changed. Only these are read again. */
  base(path: TreePath, stat: Stat): Base | undefined {
    const base = this.#base.base(path, stat);
    const summed = base === undefined ? undefined : this.#summed(path, stat);
    if (base === undefined || summed?.chunks === undefined) return base;
    return { ...base, now: { digest: summed.content, chunks: summed.chunks } };
  }

  /** The record from the summary. Nobody could write since then, so equal times are enough. */
  #summed(path: TreePath, stat: Stat): FileRecord | undefined {
    const summed = this.#sealed?.get(path);
    return summed !== undefined && isSame(summed, stat) ? summed : undefined;
  }

  proves(): boolean {
    return false;
  }

  read(): void {
    // No pass comes after this one, so nothing is recorded.
  }

  end(): void {
    // The same.
  }
}

function lacksRecord(records: Pick<FileRecords, "get"> | undefined, path: TreePath, stat: Stat): boolean {
  const record = records?.get(path);
  return record === undefined || !isSameButForCtime(record, stat);
}

async function readAll(looked: number, stat: Stat, signal: AbortSignal): Promise<string> {
  const fd = openFile(looked);
  try {
    return (await contentOf(fd, Number(stat.size), { signal })).digest;
  } finally {
    close(fd);
  }
}

async function contentOf(fd: number, size: number, options: ReadOptions): Promise<Content> {
  const hash = new HashAside();
  await hashAll(readPastCache(fd, size, { ...options, reuse: true }), hash);
  return hash.digest(size);
}
