import type { CopyCase } from "../figures.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** Of file systems. Sizes and offsets are whole blocks. */
const BLOCK = 4 * KIB;

const LARGE = { files: 4, bytes: 4 * GIB };
const SMALL = { files: 100_000, bytes: 4 * KIB, perFolder: 1_000 };
const SPARSE = { size: 10 * GIB, data: 200 * MIB, piece: 64 * KIB };

/** A file of a source tree. What lies between the pieces is a hole. */
export interface FileShape {
  readonly path: string;
  readonly size: number;
  readonly pieces: readonly { readonly offset: number; readonly length: number }[];
}

/** The files of a case, whose sizes (or number) are divided by `shrink`. */
export function filesOf(name: CopyCase, shrink: number): readonly FileShape[] {
  switch (name) {
    case "large": {
      const size = blocks(LARGE.bytes / LARGE.files / shrink);
      return Array.from({ length: LARGE.files }, (_, index) => dense(`file-${String(index)}`, size));
    }
    case "small":
      return Array.from({ length: Math.max(1, Math.floor(SMALL.files / shrink)) }, (_, index) => {
        const folder = String(Math.floor(index / SMALL.perFolder));
        return dense(`folder-${folder}/file-${String(index)}`, SMALL.bytes);
      });
    case "sparse":
      return [sparse(blocks(SPARSE.size / shrink), Math.max(1, Math.floor(SPARSE.data / SPARSE.piece / shrink)))];
    default:
      return name satisfies never;
  }
}

/** Bytes of data. */
export function bytesOf(files: readonly FileShape[]): number {
  return files.reduce((sum, { pieces }) => sum + pieces.reduce((inFile, { length }) => inFile + length, 0), 0);
}

function dense(path: string, size: number): FileShape {
  return { path, size, pieces: [{ offset: 0, length: size }] };
}

/** Pieces at equal distances, none of them at the beginning or the end. */
function sparse(size: number, count: number): FileShape {
  const distance = blocks(size / (count + 1));
  const pieces = Array.from({ length: count }, (_, index) => ({
    offset: (index + 1) * distance,
    length: Math.min(SPARSE.piece, distance),
  }));
  return { path: "sparse", size, pieces };
}

function blocks(bytes: number): number {
  return Math.max(BLOCK, bytes - (bytes % BLOCK));
}
