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
 * It lives in the agent's memory only, as the source's does.
 */
import type { Stat } from "../../sys/stat.ts";
import type { TreePath } from "../tree/path.ts";
import { FileRecords, isSame, recordOf } from "./file-records.ts";
import type { KnownFiles } from "./known-files.ts";

export class TargetMemory {
  #pass: string | undefined;
  #records = new FileRecords();

  /** The last live pass that is whole here; undefined: none. */
  get pass(): string | undefined {
    return this.#pass;
  }

  /** Nothing here is vouched for any more. */
  forget(): void {
    this.#pass = undefined;
    this.#records = new FileRecords();
  }

  /** Begins to receive. `pass` is the name of a live pass; undefined: the tree is sealed. */
  begin(pass: string | undefined): TargetPass {
    return new TargetPass(this.#records, (records) => {
      if (pass === undefined) return;
      this.#pass = pass;
      this.#records = records;
    });
  }
}

/** One pass over the target's tree. */
export class TargetPass implements KnownFiles {
  readonly #base: FileRecords;
  readonly #next = new FileRecords();
  readonly #remember: (records: FileRecords) => void;

  constructor(base: FileRecords, remember: (records: FileRecords) => void) {
    this.#base = base;
    this.#remember = remember;
  }

  /** Whether the file is known to hold this content. */
  vouches(path: TreePath, stat: Stat, content: string): boolean {
    const record = this.#base.get(path);
    return record !== undefined && record.content === content && isSame(record, stat);
  }

  /** A file that was vouched for is finished: its owner, mode or attributes may be new. */
  kept(path: TreePath, stat: Stat, content: string): void {
    const record = recordOf(stat, content);
    this.#base.set(path, record);
    this.#next.set(path, record);
  }

  lacks(path: TreePath): boolean {
    return this.#next.get(path) === undefined;
  }

  /** For the read-back: what was kept in this pass was read back in an earlier one. */
  content(path: TreePath, _looked: number, stat: Stat): Promise<string | undefined> {
    const record = this.#next.get(path);
    return Promise.resolve(record !== undefined && isSame(record, stat) ? record.content : undefined);
  }

  proves(): boolean {
    return false;
  }

  read(path: TreePath, before: Stat, _after: Stat, content: string): void {
    this.#next.set(path, recordOf(before, content));
  }

  /** Everything is durable, read back and equal. */
  end(): void {
    this.#remember(this.#next);
  }
}
