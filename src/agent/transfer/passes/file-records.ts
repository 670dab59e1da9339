import { hash } from "node:crypto";
import type { Stat } from "../../sys/stat.ts";
import { Chunks, MOST_CHUNKS } from "../content/chunks.ts";
import type { Content } from "../content/content-hash.ts";
import type { TreePath } from "../tree/path.ts";

/** The state and the content of a file when it was read whole. */
export interface FileRecord {
  readonly ino: bigint;
  /** The device of the file system. On Btrfs each subvolume has inode numbers of its own. */
  readonly dev: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** A live pass believes a change time before this one (source-passes.ts). */
  readonly believedBeforeNs: bigint;
  /** Whether equal times prove that the content is the same (source-passes.ts). */
  readonly proven: boolean;
  /** Whether a look at the file in this state has found no attributes that belong to the data. */
  readonly bare: boolean;
  /** ContentHash, hexadecimal. */
  readonly content: string;
  /** Only of a file of several chunks, and only while there is room for them. */
  readonly chunks?: Chunks | undefined;
}

/**
 * The most files that are recorded; the others are read again. At 160 bytes each they take 160 MB.
 */
export const MOST_RECORDS = 1_000_000;
const COLUMNS = 7;
/** The bits of the last column. */
const PROVEN = 1n;
const BARE = 2n;
const HASH_BYTES = 32;
/**
 * Half the sha256 of a path. A tenant who finds two paths with the same half harms only the
 * tenant's own volume.
 */
export const KEY_BYTES = 16;

/** Records as they are handed to the next process (handover.ts). */
export interface SavedRecords {
  /** The keys of all rows, one after the other. */
  readonly keys: Buffer;
  readonly numbers: BigInt64Array;
  readonly hashes: Buffer;
  readonly chunks: ReadonlyMap<number, Buffer>;
  readonly chunkCount: number;
}

/**
 * Records of files by their paths. They lie in a few large arrays, because a million objects with
 * seven fields each would take half a gigabyte.
 */
export class FileRecords {
  readonly #rows = new Map<string, number>();
  readonly #chunks = new Map<number, Chunks>();
  #chunkCount = 0;
  #numbers = new BigInt64Array(COLUMNS * 64);
  #hashes = Buffer.alloc(HASH_BYTES * 64);
  readonly #most: number;

  /** @param most The most files that are recorded. */
  constructor(most: number) {
    this.#most = most;
  }

  static load({ keys, numbers, hashes, chunks, chunkCount }: SavedRecords, most: number): FileRecords {
    const loaded = new FileRecords(most);
    for (let row = 0; row * KEY_BYTES < keys.length; row += 1) {
      loaded.#rows.set(keys.toString("latin1", row * KEY_BYTES, (row + 1) * KEY_BYTES), row);
    }
    for (const [row, entries] of chunks) loaded.#chunks.set(row, new Chunks(entries));
    loaded.#chunkCount = chunkCount;
    while (loaded.#numbers.length < numbers.length) loaded.#grow();
    loaded.#numbers.set(numbers);
    loaded.#hashes.set(hashes);
    return loaded;
  }

  save(): SavedRecords {
    const count = this.#rows.size;
    // Rows are numbered in the order in which their keys were added.
    return {
      keys: Buffer.from([...this.#rows.keys()].join(""), "latin1"),
      numbers: this.#numbers.slice(0, count * COLUMNS),
      hashes: Buffer.from(this.#hashes.subarray(0, count * HASH_BYTES)),
      chunks: new Map([...this.#chunks].map(([row, { entries }]) => [row, entries])),
      chunkCount: this.#chunkCount,
    };
  }

  get length(): number {
    return this.#rows.size;
  }

  /** False if there was no room for the chunks of some file. */
  get hasAllChunks(): boolean {
    return this.#chunkCount <= MOST_CHUNKS;
  }

  /**
   * Takes over the first `count` records of other files, in the order in which they were set there.
   */
  takeFirst(count: number, from: FileRecords): void {
    for (const [key, row] of from.#rows) {
      if (row >= count) return;
      this.#copyRow(key, row, from);
    }
  }

  /** From now on the times of these records prove nothing. Their contents still count. */
  distrust(): void {
    for (let row = 0; row < this.#rows.size; row += 1) this.#numbers.set([NO_TIME, 0n], row * COLUMNS + 5);
  }

  get(path: TreePath): FileRecord | undefined {
    const row = this.#rows.get(keyOf(path));
    return row === undefined ? undefined : this.#at(row);
  }

  set(path: TreePath, record: FileRecord): void {
    this.#set(keyOf(path), record);
  }

  /** The place of a path's record, which it keeps. Undefined: there is none. */
  rowOf(path: TreePath): number | undefined {
    return this.#rows.get(keyOf(path));
  }

  /** Takes over the record of a path from other records. */
  copy(path: TreePath, from: FileRecords): void {
    const key = keyOf(path);
    const row = from.#rows.get(key);
    if (row !== undefined) this.#copyRow(key, row, from);
  }

  #at(row: number): FileRecord {
    const at = (column: number): bigint => this.#numbers[row * COLUMNS + column] ?? 0n;
    return {
      ino: at(0),
      dev: at(1),
      size: at(2),
      mtimeNs: at(3),
      ctimeNs: at(4),
      believedBeforeNs: at(5),
      proven: (at(6) & PROVEN) !== 0n,
      bare: (at(6) & BARE) !== 0n,
      content: this.#hashes.toString("hex", row * HASH_BYTES, (row + 1) * HASH_BYTES),
      chunks: this.#chunks.get(row),
    };
  }

  /** The row of a key, which is new if the key is. Undefined: there is no room for it. */
  #rowFor(key: string): number | undefined {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const row = this.#rows.size;
    if (row >= this.#most) return undefined;
    if ((row + 1) * COLUMNS > this.#numbers.length) this.#grow();
    this.#rows.set(key, row);
    return row;
  }

  /** Takes over a row of other records without making an object, because there may be a million. */
  #copyRow(key: string, theirs: number, from: FileRecords): void {
    const row = this.#rowFor(key);
    if (row === undefined) return;
    for (let column = 0; column < COLUMNS; column += 1) {
      this.#numbers[row * COLUMNS + column] = from.#numbers[theirs * COLUMNS + column] ?? 0n;
    }
    from.#hashes.copy(this.#hashes, row * HASH_BYTES, theirs * HASH_BYTES, (theirs + 1) * HASH_BYTES);
    this.#setChunks(row, from.#chunks.get(theirs));
  }

  #set(key: string, record: FileRecord): void {
    const row = this.#rowFor(key);
    if (row === undefined) return;
    const at = row * COLUMNS;
    this.#numbers[at] = record.ino;
    this.#numbers[at + 1] = record.dev;
    this.#numbers[at + 2] = record.size;
    this.#numbers[at + 3] = record.mtimeNs;
    this.#numbers[at + 4] = record.ctimeNs;
    this.#numbers[at + 5] = record.believedBeforeNs;
    this.#numbers[at + 6] = (record.proven ? PROVEN : 0n) | (record.bare ? BARE : 0n);
    this.#hashes.write(record.content, row * HASH_BYTES, HASH_BYTES, "hex");
    this.#setChunks(row, record.chunks);
  }

  /**
   * Once the room was too small, no more chunks are stored: `hasAllChunks` must then stay false.
   */
  #setChunks(row: number, chunks: Chunks | undefined): void {
    if (this.hasAllChunks) this.#chunkCount += (chunks?.length ?? 0) - (this.#chunks.get(row)?.length ?? 0);
    if (chunks === undefined || !this.hasAllChunks) this.#chunks.delete(row);
    else this.#chunks.set(row, chunks);
  }

  #grow(): void {
    const numbers = new BigInt64Array(this.#numbers.length * 2);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    this.#hashes = Buffer.concat([this.#hashes], this.#hashes.length * 2);
  }
}

/** The record of a file in this state. */
export function recordOf(
  stat: Stat,
  { digest, chunks }: Content,
  known: Partial<Pick<FileRecord, "bare" | "believedBeforeNs" | "proven">> = {},
): FileRecord {
  return {
    ino: stat.ino,
    dev: deviceOf(stat),
    size: stat.size,
    mtimeNs: cut(stat.mtimeNs),
    ctimeNs: stat.ctimeNs,
    believedBeforeNs: known.believedBeforeNs ?? NO_TIME,
    proven: known.proven ?? false,
    bare: known.bare ?? false,
    content: digest,
    chunks,
  };
}

/**
 * A record of the same content in a state that no file can have. It is for a content that was not
 * that of one moment, or that is gone.
 */
export function stateless(record: FileRecord): FileRecord {
  return { ...record, ino: NO_INODE, proven: false, bare: false };
}

/**
 * A record of a file that has arrived but was not read back. Its state is one that no file can
 * have, so the target does not vouch for the file before it was read from the disk.
 */
export function unread(record: FileRecord): FileRecord {
  return { ...record, ctimeNs: NO_TIME };
}

const NO_INODE = -1n;
const NO_TIME = -(2n ** 63n);

/** Whether the file is that of the record, and still has the same size and times. */
export function isSame(record: FileRecord, stat: Stat): boolean {
  return isSameButForCtime(record, stat) && record.ctimeNs === stat.ctimeNs;
}

/** The same without the change time: the owner, the mode or the names may have changed since. */
export function isSameButForCtime(record: FileRecord, stat: Stat): boolean {
  const { ino, dev, size, mtimeNs } = record;
  const isOne = stat.type === "file" && ino === stat.ino && dev === deviceOf(stat);
  return isOne && size === stat.size && mtimeNs === cut(stat.mtimeNs);
}

/**
 * Cuts a modification time to 64 bits of nanoseconds. A tenant may set one that does not fit. A
 * change time cannot be set.
 */
function cut(mtimeNs: bigint): bigint {
  return BigInt.asIntN(64, mtimeNs);
}

function deviceOf({ dev: { major, minor } }: Stat): bigint {
  return (BigInt(major) << 32n) | BigInt(minor);
}

/** A short key for a path. */
export function keyOf(path: TreePath): string {
  const known = recent.get(path) ?? older.get(path);
  if (known !== undefined) return known;
  let length = 0;
  for (const name of path) length += name.length + 1;
  if (length > room.length) room = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const name of path) {
    at += name.copy(room, at);
    room[at++] = SLASH;
  }
  const key = ownText(hash("sha256", room.subarray(0, length), "binary"));
  if (recent.size === RECENT) {
    older = recent;
    recent = new Map();
  }
  recent.set(path, key);
  return key;
}

/**
 * The beginning of a digest, as a separate string. In V8 `slice` returns a view that keeps the
 * whole digest in memory: as keys of a map such views take 109 bytes each, and these strings 61.
 */
function ownText(digest: string): string {
  ownBytes.write(digest, 0, KEY_BYTES, "latin1");
  return ownBytes.toString("latin1");
}

const ownBytes = Buffer.allocUnsafeSlow(KEY_BYTES);
const SLASH = 0x2f;
/** The names of a path. One buffer for all calls, because they are synchronous. */
let room = Buffer.allocUnsafeSlow(4096);
/**
 * The keys of the last paths. A walk asks for one path several times: when it looks ahead, and when
 * the path's turn comes (AHEAD in walk.ts). So a path must not be changed after it was used here.
 */
let recent = new Map<TreePath, string>();
/** The keys of the paths before those. */
let older = new Map<TreePath, string>();
const RECENT = 64;
