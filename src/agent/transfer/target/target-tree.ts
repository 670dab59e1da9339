/*
 * Makes a directory equal to a source's tree, from the steps of a scan. The names of a directory
 * come in order, so the existing names are gone through at the same time:
 *   - a name that the source does not have is removed;
 *   - a directory that both have stays, and its content is compared in the same way;
 *   - a file that the source keeps stays, if it is known to hold the same content;
 *   - a file that the source patches is patched (target-file.ts), if it is known to hold the
 *     content from which the source starts;
 *   - any other object of the same name is removed and made again.
 *
 * Owner, attributes and mode are set when an object is closed, and the time last. A crash leaves a
 * partly made tree, perhaps with a partly patched file. The next transfer into the same directory
 * makes it equal, whatever it finds. The knowledge about files does not outlive a crash, and
 * nothing is known of a patched file from before its first change until the pass has ended well.
 */
import { chmod, chown, procPath } from "../../sys/change.ts";
import { AT_FDCWD, close, O_WRONLY, openat } from "../../sys/open.ts";
import { dataBytes, statDescriptor, type Stat } from "../../sys/stat.ts";
import { transferErrors } from "../errors.ts";
import { Pacer } from "../pacer.ts";
import { Existing, type Keep } from "./existing.ts";
import {
  makeDirectory,
  makeFile,
  makeLink,
  makeSpecial,
  MODE_OF_UNFINISHED_DIRECTORY,
  MODE_OF_UNFINISHED_FILE,
} from "./make-object.ts";
import { setAttribute, setTime } from "./limits.ts";
import { makeSmallFile } from "./small-file.ts";
import { TargetFile } from "./target-file.ts";
import type { Written } from "./written-files.ts";
import type { Change } from "../content/changes.ts";
import type { Chunks } from "../content/chunks.ts";
import { contentOf, type Content } from "../content/content-hash.ts";
import type { Range } from "../content/blocks.ts";
import { xattrDigest, type Entry, type Head } from "../tree/entry.ts";
import { glanceAt, isBareAt } from "../tree/glance.ts";
import { pathText, type TreePath } from "../tree/path.ts";
import type { Has } from "../tree/scan.ts";
import { DEEPEST, lookAlong, openDirectory } from "../tree/safe-open.ts";
import { hasXattr, isCopied, removeOtherXattrs } from "../tree/xattrs.ts";
import { checkedName, type KeptMessage, type SmallMessage } from "../wire/messages.ts";

/** The knowledge about the files that an earlier pass has made. */
export interface Voucher {
  /** Whether the existing file is known to hold this content. */
  vouches(path: TreePath, stat: Stat, content: string): boolean;
  /**
   * The same for a file that it does not vouch for. If the file has only got or lost a name since,
   * it is read from the disk, and then vouched for again.
   */
  confirms(path: TreePath, looked: number, content: string, signal: AbortSignal): Promise<boolean>;
  /**
   * Called when a file that is vouched for was found as it was sent, with one name and without
   * attributes, so that the read-back need not open it.
   */
  count(path: TreePath): void;
  /** Called when a file that stays is finished. */
  kept(path: TreePath, stat: Stat, content: string): void;
  /**
   * Called before the first change of a file. Gives its chunks if it is known to hold this content.
   * From then on the file is not vouched for.
   */
  spoil(path: TreePath, stat: Stat, content: string): Chunks | undefined;
  /** Called when a file that was spoiled is finished. `written` are the chunks that came. */
  patched(path: TreePath, file: { stat: Stat; content: Content; written: readonly Range[] }): void;
  /** Called when a file that was sent or patched is finished. It was not read back yet. */
  arrived(path: TreePath, stat: Stat, content: Content): void;
  /** Called when a file is removed. */
  removed(path: TreePath): void;
}

/** An object between open and close. */
interface Open {
  readonly path: TreePath;
  readonly head: Head;
  /** The content of a file that stays. Only metadata that differs is set. */
  readonly kept?: string;
  /** Undefined for a further name of an object: nothing is set for it. */
  readonly fd: number | undefined;
  readonly xattrs: Map<string, string>;
  /** True from the first attribute on. After that neither data nor children may come. */
  closing: boolean;
}

interface Directory extends Open {
  readonly fd: number;
  readonly existing: Existing;
  last: Buffer | undefined;
}

interface File extends Open {
  readonly fd: number;
  readonly file: TargetFile;
  readonly isPatched: boolean;
}

/** The target's tree while it is made. */
export class TargetTree {
  readonly #root: number;
  readonly #voucher: Voucher;
  readonly #written: Written;
  readonly #signal: AbortSignal;
  readonly #pacer: Pacer;
  readonly #patchesAtMost: number;
  readonly #directories: Directory[] = [];
  #leaf: Open | File | undefined;
  #done = false;

  /**
   * `root` is a descriptor of the directory that becomes the tree's root. It stays open. A file of
   * which more than `patchesAtMost` bytes could stay is not patched: NOT_PATCHED.
   */
  constructor(root: number, voucher: Voucher, written: Written, signal: AbortSignal, patchesAtMost = Infinity) {
    this.#root = root;
    this.#voucher = voucher;
    this.#written = written;
    this.#signal = signal;
    this.#pacer = new Pacer(signal);
    this.#patchesAtMost = patchesAtMost;
  }

  /** The path of what is being made, for an error. */
  get path(): TreePath {
    return this.#current?.path ?? [];
  }

  /** True when the root has been closed. */
  get complete(): boolean {
    return this.#done;
  }

  get #current(): Open | undefined {
    return this.#leaf ?? this.#directories.at(-1);
  }

  /** Begins an entry. For a kept file no data follows, and for a patched one only the changes. */
  async open(name: Buffer, head: Head, has: Has = {}): Promise<void> {
    if (this.#pacer.due) await this.#pacer.rest();
    const parent = this.#directories.at(-1);
    if (parent === undefined) {
      await this.#openRoot(name, head);
      return;
    }
    this.#beginIn(name);
    await this.#openIn(parent, name, head, has);
  }

  async #openIn(parent: Directory, name: Buffer, head: Head, { kept: content, patches }: Has): Promise<void> {
    const path = [...parent.path, name];
    if (patches !== undefined) {
      await this.#openPatched(parent, name, path, head, patches);
      return;
    }
    const kept = await parent.existing.clearUpTo(name, this.#signal, this.#keeper(path, head, content));
    if (content !== undefined) {
      if (kept === undefined) throw transferErrors.NOT_KEPT({ path: pathText(path) });
      this.#leaf = { path, head, kept: content, fd: kept, xattrs: new Map(), closing: false };
      return;
    }
    if (head.type === "link" && kept !== undefined) {
      close(kept);
      this.#leaf = { path, head, fd: undefined, xattrs: new Map(), closing: false };
      return;
    }
    if (head.type !== "directory") {
      this.#leaf = this.#make(parent.fd, name, path, head);
      return;
    }
    this.#directories.push(await this.#enter(kept ?? makeDirectory(parent.fd, name), path, head));
  }

  /** Makes a whole small file without attributes. Gives the entry as it arrived. */
  small(file: SmallMessage): Entry | Promise<Entry> {
    const parent = this.#beginIn(file.name);
    const mayBeMade = !this.#pacer.due && !parent.existing.isAnyUpTo(file.name);
    return mayBeMade ? this.#makeSmall(parent, file) : this.#smallSlowly(parent, file);
  }

  async #smallSlowly(parent: Directory, file: SmallMessage): Promise<Entry> {
    if (this.#pacer.due) await this.#pacer.rest();
    await parent.existing.clearUpTo(file.name, this.#signal);
    return this.#makeSmall(parent, file);
  }

  #makeSmall(parent: Directory, { bytes, content, head, name }: SmallMessage): Entry {
    const path = [...parent.path, name];
    const arrived = contentOf(bytes);
    if (arrived.digest !== content) {
      throw transferErrors.DIGEST_DIFFERS({ path: pathText(path), what: "its content arrived damaged" });
    }
    this.#voucher.arrived(path, makeSmallFile(parent.fd, path, head, bytes, this.#written), arrived);
    return { path, head, content, xattrs: [] };
  }

  /**
   * Keeps a file without attributes. Gives the entry as it arrived. Most kept files are as they
   * should be already, and then nothing is set and nothing is awaited.
   */
  kept(file: KeptMessage): Entry | Promise<Entry> {
    const parent = this.#beginIn(file.name);
    const { content, head, name } = file;
    const entry = { path: [...parent.path, name], head, content, xattrs: [] };
    const isAsSent = (dirfd: number): boolean => {
      const stat = glanceAt(dirfd, name);
      if (stat === undefined || !hasHead(stat, head)) return false;
      if (!this.#voucher.vouches(entry.path, stat, content) || !isBareAt(dirfd, name, stat)) return false;
      if (stat.nlink === 1) this.#voucher.count(entry.path);
      return true;
    };
    const stays = !this.#pacer.due && parent.existing.keepNext(name, isAsSent);
    return stays ? entry : this.#keepSlowly(parent, file);
  }

  async #keepSlowly(parent: Directory, { content, head, name }: KeptMessage): Promise<Entry> {
    if (this.#pacer.due) await this.#pacer.rest();
    await this.#openIn(parent, name, head, { kept: content });
    return this.close(content);
  }

  /** Takes a piece of a file's data, or zeros that replace other content of a patched file. */
  async change(change: Change): Promise<void> {
    const open = this.#leaf;
    if (open === undefined || !("file" in open) || open.closing) throw invalid("data where no file is open");
    await (change.kind === "data" ? open.file.data(change) : open.file.zeros(change));
  }

  async xattr(name: string, value: Buffer): Promise<void> {
    const object = this.#current;
    if (object?.fd === undefined) throw invalid("an attribute of nothing");
    if (!isCopied(name) || object.xattrs.has(name)) throw invalid(`the attribute ${name}`);
    await this.#close(object);
    object.xattrs.set(name, xattrDigest(value));
    if (!stays(object) || !hasXattr(object.fd, name, value)) setAttribute(this.#root, object.fd, name, value);
  }

  /**
   * Finishes the open entry, and gives it as it arrived. `content` is the hash that the source
   * sent.
   */
  async close(content: string): Promise<Entry> {
    const object = this.#current;
    if (object === undefined) throw invalid("an end of nothing");
    const { path, head, fd } = object;
    const file = "file" in object ? (object as File) : undefined;
    const arrived = await file?.file.finish();
    const hash = object.kept ?? arrived?.digest ?? "";
    if (hash !== content) {
      throw transferErrors.DIGEST_DIFFERS({ path: pathText(path), what: "its content arrived damaged" });
    }
    if ("existing" in object) await (object as Directory).existing.clearRest(this.#signal);
    if (fd !== undefined) {
      await this.#close(object);
      removeOtherXattrs(fd, new Set(object.xattrs.keys()));
      const found = stays(object) ? statDescriptor(fd) : undefined;
      if (head.type !== "symlink" && found?.mode !== head.mode) chmod(fd, head.mode);
      if (found?.mtimeNs !== head.mtimeNs) setTime(fd, head.mtimeNs);
      if (object.kept !== undefined) this.#voucher.kept(path, statDescriptor(fd), object.kept);
      if (file !== undefined && arrived !== undefined) {
        const stat = statDescriptor(fd);
        if (file.isPatched) this.#voucher.patched(path, { stat, content: arrived, written: file.file.written });
        this.#voucher.arrived(path, stat, arrived);
        this.#written.add(fd, path);
      } else close(fd);
    }
    if (this.#leaf === undefined) this.#directories.pop();
    this.#leaf = undefined;
    this.#done = this.#directories.length === 0;
    return { path, head, xattrs: [...object.xattrs], ...(hash === "" ? {} : { content: hash }) };
  }

  /** Closes the remaining descriptors. */
  async dispose(): Promise<void> {
    if (this.#leaf !== undefined && "file" in this.#leaf) await this.#leaf.file.settle();
    for (const { fd } of [...this.#directories, ...(this.#leaf === undefined ? [] : [this.#leaf])]) {
      if (fd !== undefined) close(fd);
    }
    this.#directories.length = 0;
    this.#leaf = undefined;
  }

  /** Checks that an entry of this name may come now, and gives its directory. */
  #beginIn(name: Buffer): Directory {
    const parent = this.#directories.at(-1);
    if (parent === undefined || this.#leaf !== undefined || parent.closing) {
      throw invalid("an entry within one that holds none");
    }
    if (this.#directories.length > DEEPEST) throw invalid("a tree that is too deep");
    checkedName(name);
    if (parent.last !== undefined && Buffer.compare(parent.last, name) >= 0) throw invalid("names out of order");
    parent.last = name;
    return parent;
  }

  /** Opens a file for patching. It is spoiled here, before its first change. */
  async #openPatched(parent: Directory, name: Buffer, path: TreePath, head: Head, patches: string): Promise<void> {
    let base: Chunks | undefined;
    const found = await parent.existing.clearUpTo(name, this.#signal, async (looked) => {
      if (!(await this.#isKnown(path, looked, patches))) return undefined;
      const stat = statDescriptor(looked);
      // A file that is not vouched for must not get here: the final pass would still rely on its
      // record.
      if (Math.min(dataBytes(stat), head.size ?? 0) > this.#patchesAtMost) {
        throw transferErrors.NOT_PATCHED({ path: pathText(path), most: this.#patchesAtMost });
      }
      base = this.#voucher.spoil(path, stat, patches);
      return base === undefined ? undefined : looked;
    });
    if (found === undefined || base === undefined) throw transferErrors.NOT_KEPT({ path: pathText(path) });
    try {
      chmod(found, MODE_OF_UNFINISHED_FILE);
      const fd = openat(AT_FDCWD, procPath(found), O_WRONLY);
      this.#leaf = fileOf(fd, head.size ?? 0, base, { path, head, xattrs: new Map(), closing: false });
    } finally {
      close(found);
    }
  }

  async #openRoot(name: Buffer, head: Head): Promise<void> {
    if (this.#done || name.length > 0 || head.type !== "directory") throw invalid("a tree whose root is no directory");
    this.#directories.push(await this.#enter(openDirectory(this.#root), [], head));
  }

  /**
   * Writes all content, and then sets the owner. Both come before attributes and mode, because both
   * clear security.capability and setuid.
   */
  async #close(object: Open): Promise<void> {
    if (object.closing || object.fd === undefined) return;
    object.closing = true;
    if ("file" in object) await (object as File).file.finish();
    const { uid, gid } = object.head;
    const found = stays(object) ? statDescriptor(object.fd) : undefined;
    if (found?.uid !== uid || found.gid !== gid) chown(object.fd, uid, gid);
  }

  async #enter(fd: number, path: TreePath, head: Head): Promise<Directory> {
    try {
      chmod(fd, MODE_OF_UNFINISHED_DIRECTORY);
      const existing = await Existing.read(fd, this.#pacer, (below) => {
        this.#voucher.removed([...path, ...below]);
      });
      return { path, head, fd, xattrs: new Map(), closing: false, existing, last: undefined };
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  /**
   * Decides what may stay: a file that is vouched for, a directory, or a name that is already a
   * hard link to the right object.
   */
  #keeper(path: TreePath, head: Head, content: string | undefined): Keep | undefined {
    if (content !== undefined) {
      return async (found) => ((await this.#isKnown(path, found, content)) ? found : undefined);
    }
    if (head.type === "directory") {
      return (found) => (statDescriptor(found).type === "directory" ? openDirectory(found) : undefined);
    }
    if (head.type !== "link") return undefined;
    return (found) => {
      const { ino, type } = statDescriptor(found);
      if (type === "directory") return undefined;
      const first = lookAlong(this.#root, head.first ?? []);
      try {
        return statDescriptor(first).ino === ino ? found : undefined;
      } finally {
        close(first);
      }
    };
  }

  async #isKnown(path: TreePath, looked: number, content: string): Promise<boolean> {
    if (this.#voucher.vouches(path, statDescriptor(looked), content)) return true;
    return this.#voucher.confirms(path, looked, content, this.#signal);
  }

  #make(dirfd: number, name: Buffer, path: TreePath, head: Head): Open | File {
    const open = { path, head, xattrs: new Map<string, string>(), closing: false };
    if (head.type === "file") return fileOf(makeFile(dirfd, name), head.size ?? 0, undefined, open);
    if (head.type !== "link") {
      if ((head.target?.length ?? 0) > LONGEST_IN_INODE) this.#written.addLongSymlink();
      return { ...open, fd: makeSpecial(dirfd, name, head) };
    }
    makeLink(this.#root, head.first ?? [], dirfd, name);
    return { ...open, fd: undefined };
  }
}

/** A longer text of a symlink, in bytes, is not in the inode on ext4 (barrier.ts). */
const LONGEST_IN_INODE = 59;

/** Whether a file has the owner, mode, size and time of this head. */
function hasHead({ gid, mode, mtimeNs, size, uid }: Stat, head: Head): boolean {
  const isOwned = uid === head.uid && gid === head.gid && mode === head.mode;
  return isOwned && mtimeNs === head.mtimeNs && Number(size) === head.size;
}

/** Whether the object was there before. Then only metadata that differs is set. */
function stays(object: Open): boolean {
  return object.kept !== undefined || ("file" in object && (object as File).isPatched);
}

function fileOf(fd: number, size: number, base: Chunks | undefined, open: Omit<Open, "fd">): File {
  try {
    return { ...open, fd, file: new TargetFile(fd, size, base), isPatched: base !== undefined };
  } catch (error) {
    close(fd);
    throw error;
  }
}

function invalid(why: string): Error {
  return transferErrors.WIRE_INVALID({ why });
}
