/*
 * The target's memory of the files that a live pass has brought. The target vouches for a file by
 * inode, size, mtime and ctime, and only if it was durable when it was read back and compared.
 *
 *   nothing ── a live pass ends well ──▶ records of that pass ── the next one ends ──▶ its records
 *      └────────── or breaks ──▶ these records, and those of the files that have arrived whole
 *
 * The target makes up a name for each pass, and this name ties both sides together: the source
 * leaves out a file only if the target asks to continue a pass that the source remembers. So both
 * sides have records of the same stream. The name of a pass that broke counts with the number of
 * files that have arrived whole: the source has sent more. Should the sides disagree all the same,
 * the target does not vouch for the content that the source names, and the pass ends (NOT_KEPT).
 *
 * A failed pass leaves the earlier records, because a file that it has replaced has another inode.
 * A file that it has brought is nothing that was read back:
 *
 *   arrived ── the pass ends well: syncfs, read-back ───────────────────────────▶ recorded
 *      └── it breaks ──▶ unread ── the next pass: syncfs, the source keeps it,
 *                                  and its content is that on the disk (confirms) ──▶ recorded
 *
 * A file that is patched in place becomes spoiled before its first change:
 *
 *   recorded ── spoil ──▶ spoiled ── the pass ends well ──▶ recorded
 *                            └── it breaks ──▶ spoiled: the next pass begins by telling the source,
 *                                which sends the file whole
 *
 * A patched file that has arrived whole before the break is unread like any other. A removed file
 * counts as spoiled too, while there is room to remember it. A file that has only
 * got or lost a further name is read again when the source keeps or patches it.
 *
 * This memory is in the agent's process, like the source's. So after a crash at any moment the
 * target vouches for nothing. An agent that gets SIGTERM hands it over to the next one
 * (handover.ts).
 */
import { close } from "../../sys/open.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { CHUNK, chunkAt, type Chunks } from "../content/chunks.ts";
import { isSystemError } from "../../sys/libc.ts";
import type { Content } from "../content/content-hash.ts";
import type { Range } from "../content/blocks.ts";
import { DiskFile, readFromDisk } from "../content/disk-file.ts";
import { HashAside, hashAll } from "../content/hash-aside.ts";
import type { Entry } from "../tree/entry.ts";
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
  unread,
  type FileRecord,
  type SavedRecords,
} from "./file-records.ts";
import type { KnownFiles } from "./known-files.ts";
import { MOST_LACKING, type Lacking } from "./lacking.ts";

/** A target's memory as it is handed to the next process. */
export interface SavedTarget {
  readonly pass: string | undefined;
  readonly records: SavedRecords;
  readonly spoiled: ReadonlySet<string>;
  readonly arrived: number | undefined;
  readonly hasUnread: boolean;
}

export class TargetMemory {
  readonly #most: number;
  #pass: string | undefined;
  #records: FileRecords;
  #spoiled = new Set<string>();
  /** The files of a pass that broke. Undefined: the pass is whole. */
  #arrived: number | undefined;
  #hasUnread = false;
  /** Whether the last pass over the tree was a live pass that has ended well, in this process. */
  #isDurable = false;

  /** @param most The most files that are remembered. The source's limit must be the same. */
  constructor(most = MOST_RECORDS) {
    this.#most = most;
    this.#records = new FileRecords(most);
  }

  static load({ arrived, hasUnread, pass, records, spoiled }: SavedTarget, most = MOST_RECORDS): TargetMemory {
    const loaded = new TargetMemory(most);
    loaded.#remember(pass, FileRecords.load(records, most));
    loaded.#spoiled = new Set(spoiled);
    loaded.#arrived = arrived;
    loaded.#hasUnread = hasUnread;
    return loaded;
  }

  /** Called when no pass is in progress. */
  save(): SavedTarget {
    const records = this.#records.save();
    return { pass: this.#pass, records, spoiled: this.#spoiled, arrived: this.#arrived, hasUnread: this.#hasUnread };
  }

  /**
   * The last live pass of which the target has anything. It has everything but what it lacks.
   * Undefined: none.
   */
  get pass(): string | undefined {
    return this.#pass;
  }

  /** What the target does not have any more of that pass. */
  get lacking(): Lacking {
    return { files: this.#spoiled, chunks: !this.#records.hasAllChunks, arrived: this.#arrived };
  }

  /**
   * Whether there may be files that a broken pass has brought, and that were not read back. A
   * `syncfs` must come before they are.
   */
  get hasUnread(): boolean {
    return this.#hasUnread;
  }

  /** Forgets everything: no file is vouched for any more. */
  forget(): void {
    this.#remember(undefined, new FileRecords(this.#most));
  }

  #remember(pass: string | undefined, records: FileRecords): void {
    this.#pass = pass;
    this.#records = records;
    this.#spoiled = new Set();
    this.#arrived = undefined;
    this.#hasUnread = false;
    this.#isDurable = false;
  }

  /** Begins a pass. `pass` is the name of a live pass. Undefined: the tree is sealed. */
  begin(pass: string | undefined): TargetPass {
    const base = this.#records;
    const rests = pass === undefined && this.#isDurable;
    this.#isDurable = false;
    /** Only a live pass is continued, and nothing if too much was lacking (forget). */
    const isContinued = (): boolean => pass !== undefined && this.#records === base;
    return new TargetPass(base, new FileRecords(this.#most), rests, {
      spoil: (path) => {
        this.#spoiled.add(keyOf(path));
        if (this.#spoiled.size > MOST_LACKING) this.forget();
      },
      removed: (path) => {
        // Removed files get only half of the room: a patched file without room makes the target
        // forget everything.
        if (this.#spoiled.size < MOST_LACKING / 2) this.#spoiled.add(keyOf(path));
      },
      arrived: (path, record) => {
        if (!isContinued()) return;
        this.#hasUnread = true;
        base.set(path, record);
        this.#spoiled.delete(keyOf(path));
      },
      passed: (files) => {
        if (!isContinued()) return;
        this.#pass = pass;
        this.#arrived = files;
      },
      remember: (records) => {
        if (pass === undefined) return;
        this.#remember(pass, records);
        this.#isDurable = true;
      },
    });
  }
}

/** A file that was patched in this pass. */
interface Patched {
  /** The state of the file when it was closed, and the content that it must have. */
  readonly stat: Stat;
  readonly content: Content;
  /** The written ranges, in rising order, in whole chunks. */
  readonly written: readonly Range[];
}

interface Memory {
  spoil(path: TreePath): void;
  removed(path: TreePath): void;
  arrived(path: TreePath, record: FileRecord): void;
  passed(files: number): void;
  remember(records: FileRecords): void;
}

/** One pass over the target's tree. */
export class TargetPass implements KnownFiles {
  /** What is known by its name alone is counted. */
  readonly knowsByName = false;
  readonly #base: FileRecords;
  readonly #next: FileRecords;
  readonly #patched = new Map<string, Patched>();
  /** 1 for each row of #base whose file was counted when its frame came (`count`). */
  readonly #counted: Uint8Array;
  readonly #memory: Memory;
  #files = 0;
  #rests: boolean;

  constructor(base: FileRecords, next: FileRecords, rests: boolean, memory: Memory) {
    this.#base = base;
    this.#next = next;
    this.#rests = rests;
    this.#memory = memory;
    this.#counted = new Uint8Array(base.length);
  }

  /**
   * Whether all content that the tree holds and this pass has not written is durable. True only in
   * a final pass after a live pass that has ended well in this process. What stays then has the
   * inode and the times of a record, and records are made after the `syncfs` of their pass.
   * Everything else in the tree is removed, or written anew. False: it is not known.
   */
  get restsOnBarrier(): boolean {
    return this.#rests;
  }

  /** Whether the file is known to hold this content. */
  vouches(path: TreePath, stat: Stat, content: string): boolean {
    const record = this.#base.get(path);
    return record !== undefined && record.content === content && isSame(record, stat);
  }

  /**
   * Called when a look has found that a file is as the source has sent it: the file has this
   * content (`vouches`), one name and no attributes, and nothing was set. If the read-back finds it
   * in the same state, it does not open it (docs/adr/0008).
   */
  count(path: TreePath): void {
    const row = this.#base.rowOf(path);
    if (row !== undefined) this.#counted[row] = 1;
  }

  /**
   * Whether the file was counted, and is in the same state still. Every change of its owner, mode
   * or attributes since then has set another change time.
   */
  isCounted(path: TreePath, look: () => Stat | undefined): boolean {
    const row = this.#base.rowOf(path);
    if (row === undefined || this.#counted[row] !== 1) return false;
    const stat = look();
    return stat?.nlink === 1 && this.#keptRecord(path, stat) !== undefined;
  }

  /** Called in the read-back for a file that was counted. */
  keepCounted(path: TreePath): void {
    this.#next.copy(path, this.#base);
  }

  /**
   * Whether a file still holds the content of its record although its change time differs. That
   * happens when a further name was made or removed after the file was finished, in a pass that has
   * not ended well, and to every file that such a pass has brought. Reads the whole file from the
   * disk.
   */
  async confirms(path: TreePath, looked: number, content: string, signal: AbortSignal): Promise<boolean> {
    const record = this.#base.get(path);
    const stat = statDescriptor(looked);
    if (record === undefined || record.content !== content || !isSameButForCtime(record, stat)) return false;
    try {
      if ((await digestOf(looked, Number(stat.size), signal)) !== content) return false;
    } catch (error) {
      // The disk cannot read the file any more. When it is sent again, it gets other blocks.
      if (isSystemError(error)) return false;
      throw error;
    }
    this.#base.set(path, recordOf(stat, { digest: content, chunks: record.chunks }));
    // Why the change time differs is not known.
    this.#rests = false;
    return true;
  }

  /** Called when a file has arrived whole, sent or patched. It was not read back yet. */
  arrived(path: TreePath, stat: Stat, content: Content): void {
    this.#memory.arrived(path, unread(recordOf(stat, content)));
  }

  /** Called for each entry that is complete, in the order of the tree. */
  passed({ head }: Entry): void {
    if (head.type === "file") this.#memory.passed((this.#files += 1));
  }

  /** Called when a file is removed. The target lacks it if this pass breaks. */
  removed(path: TreePath): void {
    if (this.#base.get(path) !== undefined) this.#memory.removed(path);
  }

  /**
   * Called when a file that was vouched for is finished. Its owner, mode or attributes may be new.
   */
  kept(path: TreePath, stat: Stat, content: string): void {
    this.#base.set(path, recordOf(stat, { digest: content, chunks: this.#base.get(path)?.chunks }));
  }

  lacks(path: TreePath, stat: Stat): boolean {
    return this.#keptRecord(path, stat) === undefined && !this.#patched.has(keyOf(path));
  }

  /**
   * The record of a file that was kept in this pass. A file that was sent again has another inode.
   * Both sides make records in the order of the tree, so if there are too many files, both have
   * records of the same ones.
   */
  #keptRecord(path: TreePath, stat: Stat): FileRecord | undefined {
    const record = this.#base.get(path);
    return record !== undefined && isSame(record, stat) ? record : undefined;
  }

  /**
   * The chunks of a file that is known to hold this content. Undefined: it is not. From now on the
   * file is not vouched for.
   */
  spoil(path: TreePath, stat: Stat, content: string): Chunks | undefined {
    const record = this.#base.get(path);
    if (record?.chunks === undefined || record.content !== content || !isSame(record, stat)) return undefined;
    this.#memory.spoil(path);
    this.#base.set(path, stateless(record));
    return record.chunks;
  }

  /** Called when a file that was spoiled is finished. */
  patched(path: TreePath, patched: Patched): void {
    this.#patched.set(keyOf(path), patched);
  }

  /** A file that was kept in this pass was read back in an earlier one, except its attributes. */
  bareContent(path: TreePath, stat: Stat, isBare: () => boolean): string | undefined {
    const record = this.#keptRecord(path, stat);
    if (record === undefined || !isBare()) return undefined;
    this.#next.set(path, record);
    return record.content;
  }

  /**
   * The content that need not be read in the read-back: that of a kept file. Of a patched file only
   * the chunks that were written now are read.
   */
  async content(path: TreePath, looked: number, stat: Stat, signal: AbortSignal): Promise<string | undefined> {
    const record = this.#keptRecord(path, stat);
    if (record !== undefined) {
      this.#next.set(path, record);
      return record.content;
    }
    const patched = this.#patched.get(keyOf(path));
    if (patched === undefined || !isSame(recordOf(patched.stat, patched.content), stat)) return undefined;
    // If the disk differs, the whole file is read as usual, and the read-back finds the difference.
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

  /** Called when everything is durable, read back and equal. */
  end(): void {
    this.#memory.remember(this.#next);
  }
}

/** The hash of a file as it is on the disk. */
async function digestOf(looked: number, size: number, signal: AbortSignal): Promise<string> {
  const fd = openFile(looked);
  try {
    const hash = new HashAside();
    await hashAll(readFromDisk(fd, size, { signal }), hash);
    return (await hash.digest(size)).digest;
  } finally {
    close(fd);
  }
}

/** Whether the disk gives back what was written into a file. */
async function isOnDisk(looked: number, { content, stat, written }: Patched, signal: AbortSignal): Promise<boolean> {
  const size = Number(stat.size);
  const fd = openFile(looked);
  let file: DiskFile | undefined;
  try {
    file = new DiskFile(fd, size);
    const hash = new HashAside(content.chunks);
    for (const range of written) {
      hash.zeros(chunkAt(range.start), Math.ceil(range.end / CHUNK));
      await hashAll(file.read({ signal, ranges: [range] }), hash);
    }
    return (await hash.digest(size)).digest === content.digest;
  } finally {
    file?.close();
    close(fd);
  }
}
