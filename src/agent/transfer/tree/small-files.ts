/*
 * Reads small files whole, with a few calls and without waiting: their data is read ahead, and each
 * becomes one step of the tree instead of three. That is only for plain files: with one name,
 * without holes, without attributes, and of which nothing is known. All others take the long way
 * (scan.ts), which gives the same entry.
 */
import { dropCache } from "../../sys/data.ts";
import { DirectReads } from "../../sys/direct/direct-reads.ts";
import { REFUSALS } from "../../sys/direct/direct.ts";
import { hasCode, isSystemError } from "../../sys/libc.ts";
import { close, O_DIRECT } from "../../sys/open.ts";
import { isOpenForWriting } from "../../sys/lease.ts";
import { readAhead, SmallReader } from "../../sys/read-ahead.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { transferErrors } from "../errors.ts";
import { contentOf } from "../content/content-hash.ts";
import type { Entry } from "./entry.ts";
import { awaited, type Flow } from "./flow.ts";
import { pathText, type TreePath } from "./path.ts";
import { openFile } from "./safe-open.ts";
import type { ScanOptions } from "./scan.ts";
import type { Ahead, Leaf } from "./walk.ts";
import { hasXattrs } from "./xattrs.ts";

/** Files of up to this size are small. */
export const SMALL_BYTES = 64 * 1024;
/** The unit of `blocks` in a Stat. */
const BLOCK_BYTES = 512n;

/** A whole small file. */
export interface SmallFile {
  readonly entry: Entry;
  readonly bytes: Buffer;
}

/** Opens small files ahead of their turn, and reads them. */
export class SmallFiles implements Ahead {
  readonly #options: ScanOptions;
  readonly #signal: AbortSignal;
  readonly #reader = new SmallReader();
  /** Undefined: not needed yet, or not possible. */
  #reads: DirectReads | undefined;
  #mayReadDirectly: boolean;
  /** The place in #reads of a file that was opened ahead, by its descriptor. */
  readonly #places = new Map<number, number>();

  constructor(signal: AbortSignal, options: ScanOptions) {
    this.#signal = signal;
    this.#options = options;
    // The source reads through the cache: a pod may have the pages there already.
    this.#mayReadDirectly = options.fromDisk === true;
  }

  get isTogether(): boolean {
    return this.#mayReadDirectly;
  }

  /** Opens a small file that will be read, and lets the kernel begin to read it. */
  open({ fd, path, stat }: Omit<Leaf, "opened">): number | undefined {
    const { fromDisk, known } = this.#options;
    if (!isPlain(stat) || stat.size === 0n || known?.lacks(path, stat) === false) return undefined;
    let opened: number | undefined;
    try {
      const direct = this.#openDirect(fd);
      opened = direct ?? openFile(fd);
      // The cache is dropped here and not later: pages that were read ahead must not be dropped. It
      // is dropped before a direct read too, because a file system may make that through the cache.
      if (fromDisk === true) dropCache(opened);
      if (direct !== undefined && this.#reads !== undefined) {
        this.#places.set(direct, this.#reads.add(direct, Number(stat.size)));
      } else readAhead(opened, Number(stat.size));
      return opened;
    } catch (error) {
      if (opened !== undefined) close(opened);
      // The file is opened again when its turn comes, and then the error is reported with its path.
      if (isSystemError(error)) return undefined;
      throw error;
    }
  }

  begin(): void {
    this.#reads?.submit();
  }

  /** Whether the file may be read this way. A file with data must have been opened ahead. */
  mayRead({ opened, path, stat }: Leaf): boolean {
    if (stat.size > 0n) return opened !== undefined;
    return isPlain(stat) && this.#options.known?.lacks(path, stat) !== false;
  }

  /**
   * The file, if it can be read this way. Undefined: it must be read in separate steps. The bytes
   * are valid until the next step of the walk.
   */
  *read({ fd, opened, path, stat }: Leaf): Flow<never, SmallFile | undefined> {
    const { known, ofSealedSource, pace } = this.#options;
    const size = Number(stat.size);
    const file = opened ?? fd;
    try {
      if (hasXattrs(file)) return undefined;
      if (ofSealedSource === true && size > 0) expectNoWriter(path, file);
      if (pace !== undefined && size > 0) yield* awaited(pace(size, this.#signal));
      const proven = size > 0 && known?.proves(file, stat) === true;
      const bytes = size === 0 ? EMPTY : this.#bytesOf(file, size);
      const after = statDescriptor(file);
      // If the file has changed meanwhile, or could not be read directly, it is read in separate
      // steps. They give some state of it, or say what has changed or why it cannot be read.
      if (bytes === undefined || bytes.length < size || !isUnchanged(stat, after)) return undefined;
      const content = contentOf(bytes);
      known?.read(path, stat, after, content, proven, true);
      const { gid, mode, mtimeNs, uid } = stat;
      return {
        entry: { path, head: { type: "file", mode, uid, gid, mtimeNs, size }, content: content.digest, xattrs: [] },
        bytes,
      };
    } finally {
      this.#free(file);
    }
  }

  /** Ends the reads that are in progress. */
  end(): void {
    this.#reads?.end();
    this.#reads = undefined;
  }

  /** Opens the file for a read past the page cache. Undefined: that is not possible. */
  #openDirect(fd: number): number | undefined {
    if (!this.#mayReadDirectly) return undefined;
    this.#reads ??= DirectReads.take();
    try {
      if (this.#reads?.isFull === false) return openFile(fd, O_DIRECT);
    } catch (error) {
      if (!hasCode(error, ...REFUSALS)) throw error;
    }
    this.#mayReadDirectly = false;
    return undefined;
  }

  /** The first `size` bytes of an open file. Undefined: it could not be read directly. */
  #bytesOf(file: number, size: number): Buffer | undefined {
    const place = this.#places.get(file);
    if (place === undefined || this.#reads === undefined) return this.#reader.read(file, size);
    const bytes = this.#reads.wait(place);
    if (typeof bytes !== "number") return bytes.subarray(0, size);
    // No direct reads for the next files.
    this.#mayReadDirectly = false;
    return undefined;
  }

  #free(file: number): void {
    const place = this.#places.get(file);
    if (place === undefined || this.#reads === undefined) return;
    this.#reads.wait(place);
    this.#reads.free(place);
    this.#places.delete(file);
  }
}

const EMPTY = Buffer.alloc(0);

/** Rejects with SOURCE_OPEN if somebody has the file open for writing. `fd` is open for reading. */
export function expectNoWriter(path: TreePath, fd: number): void {
  if (isOpenForWriting(fd)) throw transferErrors.SOURCE_OPEN({ path: pathText(path) });
}

/** Whether a file is small, has one name, and has no holes, judged by its blocks. */
function isPlain({ blocks, nlink, size, type }: Stat): boolean {
  return type === "file" && nlink === 1 && size <= SMALL_BYTES && blocks * BLOCK_BYTES >= size;
}

/** Whether two looks at a file have found the same size and times. */
export function isUnchanged(before: Stat, after: Stat): boolean {
  return before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
}
