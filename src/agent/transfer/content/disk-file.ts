import { dropCache } from "../../sys/data.ts";
import { DirectFile } from "../../sys/direct/direct.ts";
import { O_RDONLY } from "../../sys/open.ts";
import { isTriedFileSystem } from "../../sys/stat.ts";
import { LARGE_PIECE, readContents, type Piece, type ReadOptions } from "./contents.ts";

/**
 * A file that is read from the disk and not from the page cache. Its pages must have been written
 * back. Large pieces are read past the cache, and the others after the cache was dropped.
 */
export class DiskFile {
  readonly #fd: number;
  readonly #size: number;
  readonly #direct: DirectFile | undefined;

  /** The caller closes the descriptor, after this object. */
  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.#size = size;
    dropCache(fd);
    this.#direct = size < LARGE_PIECE ? undefined : DirectFile.open(fd, O_RDONLY);
  }

  /** Reads the file as `readContents` does with `reuse`. */
  read(options: Omit<ReadOptions, "direct" | "reuse">): AsyncGenerator<Piece, void> {
    return readContents(this.#fd, this.#size, { ...options, reuse: true, direct: this.#direct });
  }

  /** Closes what this object has opened. No read may be in progress. */
  close(): void {
    this.#direct?.close();
  }
}

/**
 * A file that need not be in the page cache afterwards. Pieces that the cache has are read from
 * there, because a disk may be slow. Large pieces that it does not have are read past it: that
 * takes less CPU, and pushes no pages out. On a file system that was not tried everything is read
 * through the cache, so that data that a pod has written and that is not on the disk yet is not
 * missed. The descriptor must stay open until the generator has ended.
 */
export async function* readPastCache(
  fd: number,
  size: number,
  options: Omit<ReadOptions, "direct" | "cacheFirst">,
): AsyncGenerator<Piece, void> {
  const direct = size >= LARGE_PIECE && isTriedFileSystem(fd) ? DirectFile.open(fd, O_RDONLY) : undefined;
  try {
    yield* readContents(fd, size, { ...options, direct, cacheFirst: true });
  } finally {
    direct?.close();
  }
}

/** All of a file, from the disk. The descriptor must stay open until the generator has ended. */
export async function* readFromDisk(
  fd: number,
  size: number,
  options: Omit<ReadOptions, "direct" | "reuse">,
): AsyncGenerator<Piece, void> {
  const file = new DiskFile(fd, size);
  try {
    yield* file.read(options);
  } finally {
    file.close();
  }
}
