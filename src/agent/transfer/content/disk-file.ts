import { dropCache } from "../../sys/data.ts";
import { DirectFile } from "../../sys/direct.ts";
import { O_RDONLY } from "../../sys/open.ts";
import { LARGE_PIECE, readContents, type Piece, type ReadOptions } from "./contents.ts";

/**
 * A file that is read from the disk and not from the page cache, once its pages have been written
 * back: large pieces past the cache, the others after it has been dropped.
 */
export class DiskFile {
  readonly #fd: number;
  readonly #size: number;
  readonly #direct: DirectFile | undefined;

  /** The descriptor stays with the caller, and open longer than this. */
  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.#size = size;
    dropCache(fd);
    this.#direct = size < LARGE_PIECE ? undefined : DirectFile.open(fd, O_RDONLY);
  }

  /** As `readContents` does it. */
  read(options: Omit<ReadOptions, "direct">): AsyncGenerator<Piece, void> {
    return readContents(this.#fd, this.#size, { ...options, direct: this.#direct });
  }

  /** Only when nothing is being read. */
  close(): void {
    this.#direct?.close();
  }
}

/** All of a file, from the disk. The descriptor may be closed when the generator has ended. */
export async function* readFromDisk(
  fd: number,
  size: number,
  options: Omit<ReadOptions, "direct">,
): AsyncGenerator<Piece, void> {
  const file = new DiskFile(fd, size);
  try {
    yield* file.read(options);
  } finally {
    file.close();
  }
}
