/*
 * Reads a tree as a sequence of steps. The steps are the same on the wire and in the read-back:
 *
 *   open(head) data* xattr* close         a file
 *   open(head) (data | zeros)* xattr* close
 *                                         a file that the other end has in another state
 *                                         (changes.ts)
 *   open(head) xattr* close               a symlink, FIFO, socket or device
 *   open(head) <children> xattr* close    a directory; the first one is the root
 *   open(head) close                      a further name of an object that was opened before
 *   kept                                  a file without attributes that the other end has already
 *   counted                               a name that the caller has counted (`isCounted`)
 *
 * Children come in the order of their names' bytes. An object's state is read before and after its
 * content, and both must be equal: the tree is sealed, and a change shows that it is not. A file
 * whose content is known (`known`) is not read and has no data. If it has one name and no
 * attributes, like most files, it takes one step, without a wait.
 *
 * With `live` the tree is still being written. Then the scan gives some state of each object, and
 * not all states are of the same moment:
 *   - an object that vanishes is left out, and so is a file on which a process has a write lease;
 *   - a file that has shrunk is filled with zeros up to the announced size, and one that has grown
 *     is cut off there;
 *   - the ACL of an object whose mode has changed is left out.
 */
import { hasCode, isSystemError } from "../../sys/libc.ts";
import { close, readlinkat } from "../../sys/open.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { transferErrors } from "../errors.ts";
import { BLOCK } from "../content/blocks.ts";
import { changesBetween, changesIn, type Base, type Change } from "../content/changes.ts";
import { ContentHash, type Content } from "../content/content-hash.ts";
import { readFromDisk, readPastCache } from "../content/disk-file.ts";
import { readContents, type Pace, type Piece } from "../content/contents.ts";
import { HashAside, hashed } from "../content/hash-aside.ts";
import type { KnownFiles } from "../passes/known-files.ts";
import { xattrDigest, type Entry, type Head } from "./entry.ts";
import { glanceAt, isBareAt } from "./glance.ts";
import { Links } from "./links.ts";
import { pathText, type TreePath } from "./path.ts";
import { openFile } from "./safe-open.ts";
import { flowOf, items, through, type Flow } from "./flow.ts";
import { isUnmovable, whyUnmovable } from "../unmovable.ts";
import { expectNoWriter, SmallFiles, type SmallFile } from "./small-files.ts";
import { walkAhead, type Glance, type Leaf, type Visit } from "./walk.ts";
import { ACCESS_ACL, hasXattrs, readXattrs } from "./xattrs.ts";

/** One step. The `name` of the root is empty. */
export type TreeStep =
  /**
   * `kept`: the known content of the file; no data follows. `patches`: the content that the other
   * end has; only the changes follow.
   */
  | ({ readonly kind: "open"; readonly name: Buffer; readonly head: Head } & Has)
  | Change
  | { readonly kind: "xattr"; readonly name: string; readonly value: Buffer }
  | { readonly kind: "close"; readonly entry: Entry };

/** A name that the caller has counted. */
interface Counted {
  readonly kind: "counted";
  readonly path: TreePath;
}

/** The open and the close of a file without attributes, whose content is known. */
interface Kept {
  readonly kind: "kept";
  readonly entry: Entry;
}

/**
 * Whether the caller has counted this name. `look` gives the state of the object that has the name
 * now. Undefined: there is none, or its state cannot be read.
 */
export type IsCounted = (path: TreePath, look: () => Stat | undefined) => boolean;

/** `small`: the open, the data and the close of a file without attributes in one. */
export type ScanStep = TreeStep | Counted | Kept | ({ readonly kind: "small" } & SmallFile);

/**
 * What the other end has of a file: its present content (`kept`), or an earlier one (`patches`).
 */
export interface Has {
  readonly kept?: string | undefined;
  readonly patches?: string | undefined;
}

export interface ScanOptions {
  /**
   * Reads files from the disk and not from the page cache. Pages that are not written back yet
   * still come from the cache.
   */
  readonly fromDisk?: boolean;
  /** The tree may change during the scan. */
  readonly live?: boolean;
  /** What is known of the files before they are read. */
  readonly known?: KnownFiles;
  /** Names that the scan does not open. Each gives a step of its own. */
  readonly isCounted?: IsCounted;
  /**
   * This is the first scan of the source below its seal. It ends with UNMOVABLE at an entry that a
   * copy cannot have: its flag may have been set since the look before the move (unmovable.ts). It
   * ends with SOURCE_OPEN at a file that it reads and that somebody has open for writing: a process
   * of which the proof of the seal could not know, or the kernel itself.
   */
  readonly ofSealedSource?: boolean;
  /** How fast files may be read. */
  readonly pace?: Pace | undefined;
}

/** Reads the tree below the directory `root`. */
export function* scan(root: number, signal: AbortSignal, options: ScanOptions = {}): Flow<ScanStep> {
  const links = new Links();
  const small = new SmallFiles(signal, options);
  const visits = walkAhead(root, signal, small, glance(options));
  const steps = through(visits, (visit) => stepsAt(visit, small, links, signal, options));
  try {
    yield* steps;
  } finally {
    small.end();
  }
}

function* stepsAt(
  visit: Visit | Counted | Kept,
  small: SmallFiles,
  links: Links,
  signal: AbortSignal,
  options: ScanOptions,
): Flow<ScanStep> {
  if (visit.kind === "counted" || visit.kind === "kept") {
    yield visit;
    return;
  }
  const why = options.ofSealedSource === true && visit.kind !== "mount" ? whyUnmovable(visit) : undefined;
  if (why !== undefined) throw transferErrors.UNMOVABLE({ path: pathText(visit.path), why });
  try {
    const file = visit.kind === "leaf" && small.mayRead(visit) ? yield* small.read(visit) : undefined;
    const kept = visit.kind === "leaf" && file === undefined ? keptAtOnce(visit, options) : undefined;
    if (file !== undefined) yield { kind: "small", ...file };
    else if (kept !== undefined) yield kept;
    else yield* flowOf(stepsOf(visit, links, signal, options));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw transferErrors.FILE_FAILED({ path: pathText(visit.path), why: error.message }, { cause: error });
  }
}

/** The same, but a file always comes as separate steps. */
export async function* stepByStep(
  root: number,
  signal: AbortSignal,
  options?: ScanOptions,
): AsyncGenerator<TreeStep, void> {
  for await (const step of items(scan(root, signal, options))) {
    if (step.kind === "small" || step.kind === "kept") yield* separate(step);
    else if (step.kind !== "counted") yield step;
  }
}

function* separate(step: Extract<ScanStep, { kind: "small" | "kept" }>): Generator<TreeStep, void> {
  const { entry } = step;
  const kept = step.kind === "kept" ? entry.content : undefined;
  yield { kind: "open", name: nameOf(entry.path), head: entry.head, kept };
  if (step.kind === "small" && step.bytes.length > 0) yield { kind: "data", offset: 0, bytes: step.bytes };
  yield { kind: "close", entry };
}

/** What is known of names without opening them. Undefined: nothing. */
function glance({ isCounted, known }: ScanOptions): Glance<Counted | Kept> | undefined {
  if (isCounted !== undefined) {
    return (path, dirfd, name) =>
      isCounted(path, () => glanceAt(dirfd, name)) ? { kind: "counted", path } : undefined;
  }
  return known?.knowsByName === true ? (path, dirfd, name) => keptByName(path, dirfd, name, known) : undefined;
}

/**
 * A file with one name and no attributes whose content is known without reading. Its state is read
 * by its name, because opening it would take longer than everything else. Undefined: open it, which
 * gives the same entry, or shows what has changed.
 */
function keptByName(path: TreePath, dirfd: number, name: Buffer, known: KnownFiles): Kept | undefined {
  const stat = glanceAt(dirfd, name);
  if (stat === undefined) return undefined;
  return keptBare(path, stat, known, () => isBareAt(dirfd, name, stat));
}

/** The same for a file whose state is known. Undefined: open it, as above. */
function keptAtOnce({ fd, path, stat }: Leaf, { known }: ScanOptions): Kept | undefined {
  const isBare = (): boolean => !hasXattrs(fd, true) && changeBetween(stat, statDescriptor(fd)) === undefined;
  return known && keptBare(path, stat, known, isBare);
}

function keptBare(path: TreePath, stat: Stat, known: KnownFiles, isBare: () => boolean): Kept | undefined {
  if (stat.type !== "file" || stat.nlink !== 1 || isUnmovable(stat)) return undefined;
  const content = known.bareContent(path, stat, isBare);
  return content === undefined
    ? undefined
    : { kind: "kept", entry: { path, head: fileHead(stat), content, xattrs: [] } };
}

/** The entries of a tree, without their content. */
export async function* list(root: number, signal: AbortSignal, options?: ScanOptions): AsyncGenerator<Entry, void> {
  for await (const step of items(scan(root, signal, options))) if ("entry" in step) yield step.entry;
}

async function* stepsOf(
  visit: Visit,
  links: Links,
  signal: AbortSignal,
  options: ScanOptions,
): AsyncGenerator<TreeStep, void> {
  const { path } = visit;
  switch (visit.kind) {
    case "mount":
      throw transferErrors.MOUNT_INSIDE({ path: pathText(path) });
    case "vanished":
      if (options.live === true) return;
      throw transferErrors.SOURCE_CHANGED({ path: pathText(path), what: "it is gone" });
    case "enter":
      yield { kind: "open", name: nameOf(path), head: headOf(visit.stat, visit.fd) };
      return;
    case "leave": {
      const head = headOf(visit.stat, visit.fd);
      yield* finish(visit.fd, { path, head }, visit.stat, options);
      return;
    }
    case "leaf":
      yield* leaf(visit, links, signal, options);
  }
}

async function* leaf(
  visit: Leaf,
  links: Links,
  signal: AbortSignal,
  options: ScanOptions,
): AsyncGenerator<TreeStep, void> {
  const { path, fd, stat } = visit;
  const first = links.before(stat, path);
  if (first !== undefined) {
    const head = { type: "link", mode: 0, uid: 0, gid: 0, mtimeNs: 0n, first } as const;
    yield { kind: "open", name: nameOf(path), head };
    yield { kind: "close", entry: { path, head, xattrs: [] } };
    return;
  }
  const head = headOf(stat, fd);
  if (head.type !== "file") {
    yield { kind: "open", name: nameOf(path), head };
    yield* finish(fd, { path, head }, stat, options);
    return;
  }
  let kept: string | undefined;
  let base: Base | undefined;
  let opened: number | undefined;
  try {
    kept = await options.known?.content(path, fd, stat, signal);
    if (kept === undefined && head.size !== 0) opened = openFile(fd);
  } catch (error) {
    if (options.live !== true || !hasCode(error, "EAGAIN")) throw error;
    // The pod has a write lease on the file. The open has just asked its holder to give it back, so
    // a later pass can read the file. After the seal nobody has the file open.
    links.forget(stat);
    return;
  }
  let content: Content | undefined;
  let proven = false;
  try {
    if (opened !== undefined) base = options.known?.base(path, stat);
    yield { kind: "open", name: nameOf(path), head, kept, patches: base?.digest };
    if (kept !== undefined) {
      yield* finish(fd, { path, head, content: kept }, stat, options);
      return;
    }
    if (opened !== undefined) {
      if (options.ofSealedSource === true) expectNoWriter(path, opened);
      proven = options.known?.proves(opened, stat) === true;
      content = yield* contentOf(opened, head.size ?? 0, base, signal, options);
    }
  } finally {
    if (opened !== undefined) close(opened);
  }
  const found = content ?? new ContentHash().digest(0);
  yield* finish(fd, { path, head, content: found.digest }, stat, options, (after) => {
    options.known?.read(path, stat, after, found, proven);
  });
}

/** Gives the data of a file, or its changes, and at the end its whole content. */
async function* contentOf(
  fd: number,
  size: number,
  base: Base | undefined,
  signal: AbortSignal,
  options: ScanOptions,
): AsyncGenerator<TreeStep, Content> {
  const reading = { signal, pace: options.pace };
  if (base?.now?.chunks !== undefined) {
    yield* changesBetween(base.chunks, base.now.chunks, size, (ranges) =>
      readContents(fd, size, { ...reading, ranges }),
    );
    return base.now;
  }
  const hash = new HashAside();
  // All pieces of a new file are sent. Each waits until the stream has taken the one before.
  const reuse = base === undefined;
  const read =
    options.fromDisk === true ? readFromDisk(fd, size, reading) : readPastCache(fd, size, { ...reading, reuse });
  const pieces = options.live === true ? filledUp(read, size) : read;
  if (base === undefined) {
    for await (const piece of hashed(pieces, hash)) yield { kind: "data", ...piece };
  } else yield* changesIn(pieces, hash, base.chunks, size);
  return hash.digest(size);
}

/**
 * The same pieces. If the file was cut off within a piece while it was read, the piece's last block
 * is filled with zeros.
 */
async function* filledUp(pieces: AsyncIterable<Piece>, size: number): AsyncGenerator<Piece, void> {
  for await (const { offset, bytes } of pieces) {
    const end = offset + bytes.length;
    const whole = Math.min(size, Math.ceil(end / BLOCK) * BLOCK);
    yield { offset, bytes: end === whole ? bytes : Buffer.concat([bytes], whole - offset) };
  }
}

function* finish(
  fd: number,
  known: Omit<Entry, "xattrs">,
  before: Stat,
  { live = false }: ScanOptions,
  looked: (after: Stat) => void = () => undefined,
): Generator<TreeStep, void> {
  const xattrs: [string, string][] = [];
  for (const { name, value } of readXattrs(fd)) {
    // An ACL has the mode too. The earlier mode was sent, and the two must not contradict each
    // other.
    if (live && name === ACCESS_ACL && statDescriptor(fd).mode !== before.mode) continue;
    xattrs.push([name, xattrDigest(value)]);
    yield { kind: "xattr", name, value };
  }
  const after = statDescriptor(fd);
  const what = changeBetween(before, after);
  if (what !== undefined && !live) throw transferErrors.SOURCE_CHANGED({ path: pathText(known.path), what });
  looked(after);
  yield { kind: "close", entry: { ...known, xattrs } };
}

function changeBetween(before: Stat, after: Stat): string | undefined {
  if (before.size !== after.size) return `${String(before.size)} bytes before, ${String(after.size)} after`;
  if (before.mtimeNs !== after.mtimeNs) return "its modification time";
  return before.ctimeNs === after.ctimeNs ? undefined : "its change time";
}

function headOf(stat: Stat, fd: number): Head {
  const { type, mode, uid, gid, mtimeNs } = stat;
  const common = { mode, uid, gid, mtimeNs };
  switch (type) {
    case "file":
      return fileHead(stat);
    case "symlink":
      // A symlink has no mode of its own, and file systems show different ones.
      return { type, ...common, mode: 0o777, target: readlinkat(fd, "") };
    case "block":
    case "character":
      return { type, ...common, rdev: stat.rdev };
    case "directory":
    case "fifo":
    case "socket":
      return { type, ...common };
  }
}

function fileHead({ gid, mode, mtimeNs, size, uid }: Stat): Head {
  return { type: "file", mode, uid, gid, mtimeNs, size: Number(size) };
}

function nameOf(path: TreePath): Buffer {
  return path.at(-1) ?? Buffer.alloc(0);
}
