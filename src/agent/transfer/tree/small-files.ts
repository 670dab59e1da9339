/*
 * Reads small files whole, with a few calls and without waiting: their data is read ahead, and each
 * becomes one step of the tree instead of three. That is only for plain files: with one name,
 * without holes, without attributes, and of which nothing is known. All others take the long way
 * (scan.ts), which gives the same entry.
 */
import { dropCache } from "../../sys/data.ts";
import { isSystemError } from "../../sys/libc.ts";
import { close } from "../../sys/open.ts";
import { readAhead, SmallReader } from "../../sys/read-ahead.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { ContentHash } from "../content/content-hash.ts";
import type { Entry } from "./entry.ts";
import { awaited, type Flow } from "./flow.ts";
import { openFile } from "./safe-open.ts";
import type { ScanOptions } from "./scan.ts";
import type { Leaf, OpenAhead } from "./walk.ts";
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

/** Opens small files that will be read, and lets the kernel begin to read them. */
export function openSmall({ fromDisk, known }: ScanOptions): OpenAhead {
  return ({ fd, path, stat }) => {
    if (!isPlain(stat) || stat.size === 0n || known?.lacks(path, stat) === false) return undefined;
    let opened: number | undefined;
    try {
      opened = openFile(fd);
      // The cache is dropped here and not later: pages that were read ahead must not be dropped.
      if (fromDisk === true) dropCache(opened);
      readAhead(opened, Number(stat.size));
      return opened;
    } catch (error) {
      if (opened !== undefined) close(opened);
      // The file is opened again when its turn comes, and then the error is reported with its path.
      if (isSystemError(error)) return undefined;
      throw error;
    }
  };
}

/** Reads small files. */
export class SmallFiles {
  readonly #options: ScanOptions;
  readonly #signal: AbortSignal;
  readonly #reader = new SmallReader();

  constructor(signal: AbortSignal, options: ScanOptions) {
    this.#signal = signal;
    this.#options = options;
  }

  /** Whether the file may be read this way. One with data was opened ahead (openSmall). */
  mayRead({ opened, path, stat }: Leaf): boolean {
    if (stat.size > 0n) return opened !== undefined;
    return isPlain(stat) && this.#options.known?.lacks(path, stat) !== false;
  }

  /** The file, if it can be read this way. Undefined: take the long way. */
  *read({ fd, opened, path, stat }: Leaf): Flow<never, SmallFile | undefined> {
    const { known, pace } = this.#options;
    const size = Number(stat.size);
    const file = opened ?? fd;
    if (hasXattrs(file)) return undefined;
    if (pace !== undefined && size > 0) yield* awaited(pace(size, this.#signal));
    const proven = size > 0 && known?.proves(file, stat) === true;
    const bytes = size === 0 ? EMPTY : this.#reader.read(file, size);
    const after = statDescriptor(file);
    // If the file has changed meanwhile, take the long way: it gives some state, or says what has
    // changed.
    if (bytes.length < size || !isUnchanged(stat, after)) return undefined;
    const hash = new ContentHash();
    if (size > 0) hash.update({ offset: 0, bytes });
    const content = hash.digest(size);
    known?.read(path, stat, after, content, proven, true);
    const { gid, mode, mtimeNs, uid } = stat;
    return {
      entry: { path, head: { type: "file", mode, uid, gid, mtimeNs, size }, content: content.digest, xattrs: [] },
      bytes,
    };
  }
}

const EMPTY = Buffer.alloc(0);

/** Whether a file is small, has one name, and has no holes, judged by its blocks. */
function isPlain({ blocks, nlink, size, type }: Stat): boolean {
  return type === "file" && nlink === 1 && size <= SMALL_BYTES && blocks * BLOCK_BYTES >= size;
}

/** Whether two looks at a file have found the same size and times. */
export function isUnchanged(before: Stat, after: Stat): boolean {
  return before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
}
