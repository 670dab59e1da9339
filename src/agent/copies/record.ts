import type { CopyOfEpoch } from "../../api/kinds/volume-copy.ts";
import type { Copy } from "./copy-store.ts";
import type { TreeUsage } from "./trees.ts";

/** The input for the VolumeCopy of a volume on this node. */
export interface RecordView {
  /** The copies on the disks of the pools that can be read. */
  readonly onDisk: readonly Copy[];
  /** The copies in the object. */
  readonly recorded: readonly CopyOfEpoch[];
  /** The pods for which each directory is mounted, by the mount table. */
  readonly publishedTo: ReadonlyMap<string, readonly string[]>;
  /** Bytes and files by directory, if they have been counted. */
  readonly usage: ReadonlyMap<string, TreeUsage>;
  /** UUIDs of the pools that can be read. */
  readonly readable: ReadonlySet<string>;
}

/**
 * The copies to write into the object. They come from the disk. But a copy that is in the object
 * and not on the disk is never dropped silently: it becomes `missing`. Only a copy that was being
 * removed (Trash) or was not complete (Incoming) disappears together with its directory. Copies in
 * pools that cannot be read stay as the object has them.
 */
export function planRecord(view: RecordView): readonly CopyOfEpoch[] {
  const { onDisk, recorded } = view;
  const there = new Map(onDisk.map((copy) => [copy.directory, copy]));
  const kept = recorded
    .filter(({ directory }) => !there.has(directory))
    .flatMap((copy) => withoutDirectory(copy, view));
  const written = onDisk.map((copy) => entryOf(copy, view));
  return [...kept, ...written].toSorted((a, b) => a.epoch - b.epoch || (a.directory < b.directory ? -1 : 1));
}

function withoutDirectory(copy: CopyOfEpoch, view: RecordView): readonly CopyOfEpoch[] {
  if (!view.readable.has(copy.poolUUID)) return [copy];
  // A promoted copy has left its Incoming directory; a Trash one was purged.
  if (copy.state === "Incoming" || copy.state === "Trash") return [];
  const { publishedTo: _, ...rest } = copy;
  return [{ ...rest, missing: true }];
}

function entryOf(copy: Copy, { publishedTo, usage, recorded }: RecordView): CopyOfEpoch {
  const { directory, epoch, incarnation, poolUUID, state, tombstone } = copy;
  const before = recorded.find((other) => other.directory === directory);
  const { bytes, files } = newFigures(before, usage.get(directory));
  return {
    epoch,
    directory,
    state,
    incarnation,
    poolUUID,
    ...(tombstone === undefined ? {} : { tombstone }),
    publishedTo: [...(publishedTo.get(directory) ?? [])].toSorted(),
    ...(bytes === undefined ? {} : { bytes }),
    ...(files === undefined ? {} : { files }),
  };
}

/**
 * Changes of the figures below this share are not written. The figures change with every count, so
 * there would be one write for each volume and minute.
 */
const WORTH_A_WRITE = 0.05;

function newFigures(
  before: Pick<CopyOfEpoch, "bytes" | "files"> | undefined,
  counted: TreeUsage | undefined,
): { readonly bytes?: number | undefined; readonly files?: number | undefined } {
  const { bytes, files } = before ?? {};
  if (counted === undefined) return { bytes, files };
  const differs = (a: number | undefined, b: number): boolean => a === undefined || Math.abs(a - b) > WORTH_A_WRITE * b;
  return differs(bytes, counted.bytes) || differs(files, counted.files) ? counted : { bytes, files };
}
