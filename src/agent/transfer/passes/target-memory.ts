/*
 * What the target remembers of the files that a live pass has brought: each was compared after it
 * was read back, and lies before a durable barrier.
 *
 *   nothing ── a live pass ends well ──▶ records of that pass ── the next one ends ──▶ its records
 *
 * The name of the pass, which the target makes up, ties both sides together: the source leaves out
 * a file only when the target asks for a pass that continues the one which the source remembers.
 * So both have records of the same stream, and the target vouches for a file by inode, size, mtime
 * and ctime. A pass that fails leaves the records: what it has replaced has another inode.
 *
 * A file that is patched in place is spoiled before the first change of it:
 *
 *   recorded ── spoil ──▶ spoiled ── the pass ends well ──▶ recorded
 *                            └── it breaks ──▶ spoiled: the next pass begins by telling the source,
 *                                which sends the file whole
 *
 * So is one that was removed, as long as there is room to remember that. One that has only got or
 * lost a further name is read once more when the source keeps or patches it.
 *
 * It lives in the agent's memory only, as the source's does. So a crash at any moment leaves
 * nothing that is vouched for.
 */
import { close } from "../../sys/open.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { CHUNK, chunkAt, type Chunks } from "../content/chunks.ts";
import { ContentHash, type Content } from "../content/content-hash.ts";
import type { Range } from "../content/contents.ts";
import { DiskFile, readFromDisk } from "../content/disk-file.ts";
import type { TreePath } from "../tree/path.ts";
import { openFile } from "../tree/safe-open.ts";
import {
  FileRecords,
  isSame,
  isSameButForCtime,
  keyOf,
  MOST_RECORDS,
  recordOf,
  stateless,
  type FileRecord,
} from "./file-records.ts";
import type { KnownFiles } from "./known-files.ts";
import { MOST_LACKING, type Lacking } from "./lacking.ts";

export class TargetMemory {
  readonly #most: number;
  #pass: string | undefined;
  #records: FileRecords;
  #spoiled = new Set<string>();

  /** @param most More files than these are not remembered; the source's limit must be the same. */
  constructor(most = MOST_RECORDS) {
    this.#most = most;
    this.#records = new FileRecords(most);
  }

  /** The last live pass that is whole here; undefined: none. */
  get pass(): string | undefined {
    return this.#pass;
  }

  /** What is not here any more of that pass. */
  get lacking(): Lacking {
    return { files: this.#spoiled, chunks: !this.#records.hasAllChunks };
  }

  /** Nothing here is vouched for any more. */
  forget(): void {
    this.#pass = undefined;
    this.#records = new FileRecords(this.#most);
    this.#spoiled = new Set();
  }

  /** Begins to receive. `pass` is the name of a live pass; undefined: the tree is sealed. */
  begin(pass: string | undefined): TargetPass {
    return new TargetPass(this.#records, new FileRecords(this.#most), {
      spoil: (path) => {
        this.#spoiled.add(keyOf(path));
        if (this.#spoiled.size > MOST_LACKING) this.forget();
      },
      removed: (path) => {
        // Half of the room is for what is spoiled, for then everything would be forgotten.
        if (this.#spoiled.size < MOST_LACKING / 2) this.#spoiled.add(keyOf(path));
      },
      remember: (records) => {
        if (pass === undefined) return;
        this.#pass = pass;
        this.#records = records;
        this.#spoiled = new Set();
      },
    });
  }
}

/** A file that was patched in this pass. */
interface Patched {
  /** As it was closed, with the content that it is said to have. */
  readonly stat: Stat;
  readonly content: Content;
  /** What was written, in rising order, in whole chunks. */
  readonly written: readonly Range[];
}

interface Memory {
  spoil(path: TreePath): void;
  removed(path: TreePath): void;
  remember(records: FileRecords): void;
}

/** One pass over the target's tree. */
export class TargetPass implements KnownFiles {
  readonly #base: FileRecords;
  readonly #next: FileRecords;
  readonly #patched = new Map<string, Patched>();
  readonly #memory: Memory;

  constructor(base: FileRecords, next: FileRecords, memory: Memory) {
    this.#base = base;
    this.#next = next;
    this.#memory = memory;
  }

  /** Whether the file is known to hold this content. */
  vouches(path: TreePath, stat: Stat, content: string): boolean {
    const record = this.#base.get(path);
    return record !== undefined && record.content === content && isSame(record, stat);
  }

  /**
   * A file of another change time than that of its record: a further name was made or removed after
   * it was finished, in a pass that has not ended well. All of it is read, from the disk.
   */
  async confirms(path: TreePath, looked: number, content: string, signal: AbortSignal): Promise<boolean> {
    const record = this.#base.get(path);
    const stat = statDescriptor(looked);
    if (record === undefined || record.content !== content || !isSameButForCtime(record, stat)) return false;
    const fd = openFile(looked);
    try {
      const hash = new ContentHash();
      const size = Number(stat.size);
      for await (const piece of readFromDisk(fd, size, { signal })) {
        signal.throwIfAborted();
        hash.update(piece);
      }
      if (hash.digest(size).digest !== content) return false;
    } finally {
      close(fd);
    }
    this.#base.set(path, recordOf(stat, { digest: content, chunks: record.chunks }));
    return true;
  }

  /** A file is removed, and is lacking if this pass breaks. */
  removed(path: TreePath): void {
    if (this.#base.get(path) !== undefined) this.#memory.removed(path);
  }

  /** A file that was vouched for is finished: its owner, mode or attributes may be new. */
  kept(path: TreePath, stat: Stat, content: string): void {
    this.#base.set(path, recordOf(stat, { digest: content, chunks: this.#base.get(path)?.chunks }));
  }

  lacks(path: TreePath, stat: Stat): boolean {
    return this.#keptRecord(path, stat) === undefined && !this.#patched.has(keyOf(path));
  }

  /**
   * The record of a file that was kept in this pass: what came anew has another inode. Records of
   * the pass are made in the order of the tree, as at the source: with more files than there is
   * room for, both have those of the same files.
   */
  #keptRecord(path: TreePath, stat: Stat): FileRecord | undefined {
    const record = this.#base.get(path);
    return record !== undefined && isSame(record, stat) ? record : undefined;
  }

  /** The chunks of a file that is known to hold this content. From now on it is not vouched for. */
  spoil(path: TreePath, stat: Stat, content: string): Chunks | undefined {
    const record = this.#base.get(path);
    if (record?.chunks === undefined || record.content !== content || !isSame(record, stat)) return undefined;
    this.#memory.spoil(path);
    this.#base.set(path, stateless(record));
    return record.chunks;
  }

  /** A file that was spoiled is finished. */
  patched(path: TreePath, patched: Patched): void {
    this.#patched.set(keyOf(path), patched);
  }

  /**
   * For the read-back: what was kept in this pass was read back in an earlier one, and what was
   * patched, but for what was written now.
   */
  async content(path: TreePath, looked: number, stat: Stat, signal: AbortSignal): Promise<string | undefined> {
    const record = this.#keptRecord(path, stat);
    if (record !== undefined) {
      this.#next.set(path, record);
      return record.content;
    }
    const patched = this.#patched.get(keyOf(path));
    if (patched === undefined || !isSame(recordOf(patched.stat, patched.content), stat)) return undefined;
    // Otherwise all of it is read, and what differs is found.
    if (!(await isOnDisk(looked, patched, signal))) return undefined;
    this.#next.set(path, recordOf(stat, patched.content));
    return patched.content.digest;
  }

  base(): undefined {
    return undefined;
  }

  proves(): boolean {
    return false;
  }

  read(path: TreePath, before: Stat, _after: Stat, content: Content): void {
    this.#next.set(path, recordOf(before, content));
  }

  /** Everything is durable, read back and equal. */
  end(): void {
    this.#memory.remember(this.#next);
  }
}

/** Whether the disk gives back what was written into a file. */
async function isOnDisk(looked: number, { content, stat, written }: Patched, signal: AbortSignal): Promise<boolean> {
  const size = Number(stat.size);
  const fd = openFile(looked);
  let file: DiskFile | undefined;
  try {
    file = new DiskFile(fd, size);
    const hash = new ContentHash(content.chunks);
    for (const range of written) {
      hash.zeros(chunkAt(range.start), Math.ceil(range.end / CHUNK));
      for await (const piece of file.read({ signal, ranges: [range] })) {
        signal.throwIfAborted();
        hash.update(piece);
      }
    }
    return hash.digest(size).digest === content.digest;
  } finally {
    file?.close();
    close(fd);
  }
}
